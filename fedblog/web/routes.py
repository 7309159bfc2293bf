"""The whole table of addresses."""

from __future__ import annotations

from aiohttp import web

from fedblog.web import activitypub, collections, inboxes, login, loop, media, quotes, second, wellknown
from fedblog.web.public import (
    archive,
    author,
    card,
    draft,
    feeds,
    here,
    history,
    home,
    interact,
    post,
    search,
    series,
    site,
    sitemap,
    tag,
    unsubscribe,
)
from fedblog.web.studio import add_routes as add_studio_routes

FEED = "feed.{format:atom|rss|json}"
NAME = "/@{name:[A-Za-z0-9_.-]+}"


def add_all(app: web.Application) -> None:
    """Every route of the application, the more particular before the more general."""
    router = app.router
    router.add_get("/livez", site.livez)
    router.add_get("/readyz", site.readyz)
    router.add_get("/static/{version}/{name:.+}", site.static)
    router.add_get("/look/{version:[0-9a-f]+}.css", site.look)
    router.add_get("/favicon.ico", site.favicon)
    router.add_get("/robots.txt", site.robots)
    router.add_get("/sitemap.xml", sitemap.sitemap)
    router.add_get(r"/sitemap-{number:\d{1,4}}.xml", sitemap.sitemap_part)

    media.add_routes(router)
    wellknown.add_routes(router)
    inboxes.add_inboxes(app)
    loop.add_routes(router)
    activitypub.add_routes(router)
    collections.add_routes(router)
    quotes.add_routes(router)

    login.add_routes(router)
    second.add_routes(router)
    add_studio_routes(router)

    router.add_get("/unsubscribe/{token:[0-9a-f]{32}}", unsubscribe.ask)
    router.add_post("/unsubscribe/{token:[0-9a-f]{32}}", unsubscribe.end)
    router.add_get("/push-worker.js", site.push_worker)

    router.add_get("/", home.home)
    router.add_get(f"/{FEED}", feeds.blog_feed)
    router.add_get("/comments.{format:atom|rss|json}", feeds.all_comments_feed)
    router.add_get("/search", search.search_page)
    for dates in ("", r"/{year:[1-9]\d{3}}", r"/{year:[1-9]\d{3}}/{month:0[1-9]|1[0-2]}"):
        router.add_get(f"/archive{dates}", archive.archive)
    router.add_get("/series/{slug}", series.series)
    router.add_get(f"/series/{{slug}}/{FEED}", feeds.series_feed)
    router.add_get("/follow", interact.follow)
    router.add_get("/interact", interact.interact)
    router.add_get("/interact/server", here.find_server)
    router.add_get("/interact/parts", here.parts)
    router.add_get("/interact/arrived", here.arrived)
    router.add_get("/like/{reply}", interact.like)
    router.add_get("/boost/{reply}", interact.boost)
    router.add_get(here.SIGNED_IN, here.signed_in)
    router.add_get("/authorize_interaction", interact.authorize_interaction)
    router.add_get("/tag/{tag}", tag.tag)
    router.add_get(f"/tag/{{tag}}/{FEED}", feeds.tag_feed)
    router.add_get("/draft/{id:[0-9]{1,19}}/{key}", draft.draft)
    router.add_get(r"/card/{id:[1-9]\d{0,18}}/{key:[0-9a-f]{20}}.png", card.card)
    router.add_get(NAME, author.author)
    router.add_get(f"{NAME}/{FEED}", feeds.author_feed)
    router.add_get(f"{NAME}/{{slug}}", post.post)
    router.add_get(f"{NAME}/{{slug}}/comments.{{format:atom|rss|json}}", feeds.comments_feed)
    router.add_get(f"{NAME}/{{slug}}/history", history.history)
