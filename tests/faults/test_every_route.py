"""Each storage call of each route fails once: a clear 503, nothing half done or half shown, and then it works.

The lists of routes and of activities come from the program, so that new ones are in it by themselves: `acts.py` says
what is sent to an address that changes something.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from fedblog.web.keys import HOT, PAGES, POST_INDEX
from tests.faults.acts import ACTS, Act
from tests.faults.injection import KINDS, STEP, Answer, Rig, check
from tests.faults.sensible import World, make_world, with_file
from tests.faults.studio import Studio

STREAM = "/live/{id}"
ACTIVITY = "application/activity+json"
_EACH_TIME = re.compile(r"\d+ ms")
_FIELD = re.compile(r"\{([^}]+)\}")
# What other servers sign is in test_injection.py; the last one stores nothing and is for the blog alone.
INBOXES = ("/inbox", "/ap/actors/{name}/inbox", "/ap/instance/inbox", "/ap/instance/loop")
# What is asked besides the address, and what is answered where it isn't 200.
QUERIES = {
    "/.well-known/webfinger": "resource=acct:ana@HOST",
    "/search": "q=kettle",
    "/interact": "kind=reply&uri=POST",
    "/interact/server": "kind=reply&uri=POST&handle=@bo@PEER",
    "/interact/arrived": "uri=POST",
    "/follow": "of=ana",
    "/authorize_interaction": "uri=POST",
    "/studio/blocks/new": "value=far.example",
    "/studio/followers": "of=ana",
}
OTHERS = {
    "server /.well-known/change-password": 302,
    "owner /login": 303,
    "reader /logout": 303,
    "server /logout": 303,
    "reader /login/second": 303,
    "owner /login/second": 303,
    "server /login/second": 303,
    "reader /authorize_interaction": 303,
    "owner /authorize_interaction": 303,
    "server /authorize_interaction": 303,
}


def routes(app: web.Application, method: str) -> list[str]:
    """The canonical paths of all routes for a method."""
    found = (route.resource.canonical for route in app.router.routes() if route.resource and route.method == method)
    return list(dict.fromkeys(found))


def signed(rig: Rig, path: str) -> dict[str, str]:
    """The signature of another server under a GET."""
    return rig.peer._signed("GET", f"{rig.live.base_url}{path}", b"", rig.bo.key, "cavage", None)


def plain(text: str) -> str:
    """A page without what differs each time."""
    return _EACH_TIME.sub("", text)


def address(world: World, path: str) -> str:
    """An address of a route that leads to something."""
    number = next((found for start, found in world.ids.items() if path.startswith(start)), world.names["id"])
    particular = next((found for start, found in world.particular.items() if path.startswith(start)), {})
    values = {**world.names, "id": number, **particular}
    query = QUERIES.get(path, "").replace("POST", world.rig.post.uri)
    query = query.replace("HOST", world.rig.live.services.settings.authority)
    query = query.replace("PEER", world.rig.peer.base_url.removeprefix("http://"))
    return _FIELD.sub(lambda match: str(values.get(match[1], match[0])), path) + (f"?{query}" if query else "")


def askers(world: World, path: str) -> list[tuple[str, Studio, str]]:
    """Who asks for an address and as what: somebody, the owner, another server."""
    nobody = Studio(world.rig.live.base_url, world.rig.live.session)
    if path.startswith("/studio"):
        return [("owner", world.rig.studio, "text/html")]
    if path.startswith(("/ap/", "/.well-known", "/nodeinfo")):
        return [("server", nobody, ACTIVITY)]
    return [("reader", nobody, "text/html"), ("owner", world.rig.studio, "text/html"), ("server", nobody, ACTIVITY)]


def forget(app: web.Application) -> None:
    """No page is kept."""
    app[PAGES]._pages.clear()
    app[HOT]._kept.clear()
    app[POST_INDEX]._ids.clear()


@pytest.mark.proves("SEC-127")
async def test_every_address_that_is_read(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is shown or kept with something missing: it is whole, or a 503."""
    world, asked, failures = await make_world(rig, monkeypatch), 0, 0
    rig.clock.still = time.time()  # pages name the time
    for path in routes(rig.live.app, "GET"):
        if path == STREAM:
            continue
        for who, studio, accept in askers(world, path):
            about = f"{who} {path}"
            wanted = address(world, path)
            headers = {"Accept": accept, **signed(rig, wanted)} if who == "server" else {"Accept": accept}
            await studio.send("GET", wanted, headers=headers)  # what is new counts as seen now
            good, whole, _ = await studio.send("GET", wanted, headers=headers)
            assert good == OTHERS.get(about, 200), f"{about}: {good} {whole[:200]}"
            asked += 1
            for number, kind in zip(itertools.count(1, STEP), itertools.cycle(KINDS)):
                forget(rig.live.app)
                rig.faults.arm(number, kind)
                status, text, told = await studio.send("GET", wanted, headers=headers)
                failed = rig.faults.disarm()
                if not failed:
                    break
                failures += 1
                if status != good:
                    assert (status, "Retry-After" in told) == (503, True), f"{about}: {status} {failed}"
                else:
                    assert plain(text) == plain(whole), f"{about}: {failed}"
                status, text, _ = await studio.send("GET", wanted, headers=headers)
                assert (status, plain(text)) == (good, plain(whole)), f"{about}: {failed}"
    assert asked > 150
    assert failures > 5 * asked / STEP


@pytest.mark.proves("SEC-127")
async def test_every_address_that_changes_something(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    world, failures = await make_world(rig, monkeypatch), 0
    for path in routes(rig.live.app, "POST"):
        if path in INBOXES:
            continue
        assert path in ACTS, f"say in tests/faults/acts.py what is sent to {path}"
        for act in ACTS[path]:
            ask = await act(world)

            async def make(act: Act = act) -> Callable[[], Awaitable[Answer]]:
                ask, number = await act(world), world.number()
                form = {"csrf": world.token, **ask.form}

                async def send() -> Answer:
                    sent = with_file(ask.file, number, **form) if ask.file else form
                    status, body, headers = await (ask.by or rig.studio).send("POST", ask.path, sent)
                    assert status in (ask.good, 503), f"{act.__name__}: {status} {body}"
                    return status, headers

                return send

            failures += await check(rig, make, ask.good, changes=ask.changes, keeps=ask.keeps)
    assert failures > 600 / STEP


@pytest.mark.proves("SEC-127")
async def test_a_full_disk_leaves_everything_to_be_read(rig: Rig) -> None:
    """Also for somebody in the studio whose last visit can't be kept: what fills the disk is deleted from there."""
    rig.clock.ahead += 3_600
    rig.faults.refused, rig.faults.kind = "BEGIN IMMEDIATE", "full"
    for path in ("/", "/@ana/first-light", "/studio", "/studio/media"):
        forget(rig.live.app)
        assert (await rig.studio.send("GET", path))[0] == 200, path
    status, text, headers = await rig.studio.publish("Not now", "Words that are not lost")
    assert (status, "Retry-After" in headers) == (503, True)
    assert "Words that are not lost" in text
    rig.faults.refused = ""
    assert (await rig.studio.publish("Now", "Words"))[0] == 303
