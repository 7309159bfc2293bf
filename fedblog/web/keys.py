"""Every key under which the application and a request keep something: typed, in one place."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.ledger import Session
from fedblog.config import Settings
from fedblog.federation.services import Services
from fedblog.media.cards import Cards
from fedblog.web.cache import PageCache, PostIndex
from fedblog.web.counting import Counter, CountKeeper
from fedblog.web.hot import HotAnswers
from fedblog.web.limits import RateLimits
from fedblog.web.notices.teller import Teller
from fedblog.web.passwords import Passwords
from fedblog.web.renderer import Renderer

SETTINGS = web.AppKey("settings", Settings)
SERVICES = web.AppKey("services", Services)
RENDERER = web.AppKey("renderer", Renderer)
PAGES = web.AppKey("pages", PageCache)
CARDS = web.AppKey("cards", Cards)
HOT = web.AppKey("hot", HotAnswers)
POST_INDEX = web.AppKey("post_index", PostIndex)
LIMITS = web.AppKey("limits", RateLimits)
PASSWORDS = web.AppKey("passwords", Passwords)
"""Set by `login.add_login`."""

COUNTER = web.AppKey("counter", Counter)
COUNTS = web.AppKey("counts", CountKeeper)
"""Set while the application runs."""

TELLER = web.AppKey("teller", Teller)

SESSION = web.RequestKey("session", Session)
"""Set by the session middleware for somebody who is logged in; absent otherwise: `request.get(SESSION)`."""
ADDRESS = web.RequestKey("address", str)
"""The asker's address, with trusted proxies taken into account."""
ASKS_ELSEWHERE = web.RequestKey("asks_elsewhere", bool)
"""Set for a page whose scripts may ask the reader's own server, wherever that is."""
