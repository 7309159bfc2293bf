"""What must hold for every address that there is: each test asks the router for the whole list, new ones included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import html5lib
import pytest
from aiohttp import web

from fedblog.activitypub.block_lists import Entry
from fedblog.blog.model import QuoteState, Reply, ReplyState, Visibility
from fedblog.storage import accounts, actors, block_lists, followers, notice_settings, quotes
from fedblog.storage.database import Tx
from tests.web.desk import BASE, Browser, Desk, Page

_FIELD = re.compile(r"\{([^}]+)\}")
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_INBOXES = ("/inbox", "/ap/")  # signed by other servers, asked by no browser's form

_STREAM = "/live/{id}"  # it goes on and on: nothing to ask the head of
_ONE_CLICK = "/unsubscribe/{token}"  # RFC 8058: the link alone is the right to do it, from wherever it is sent


def routes(app: web.Application, *methods: str) -> Iterator[tuple[str, str]]:
    """(method, canonical path) of every route, each once."""
    found = dict.fromkeys(
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method in methods
    )
    yield from found


def filled(path: str, **values: object) -> str:
    """The path with numbers and names in it."""
    usual = {
        "name": "anna",
        "slug": "on-bread",
        "tag": "bread",
        "format": "atom",
        "version": "2.1",
        "year": 2027,
        "month": "01",
        "token": "0" * 32,
        "file": "x.webp",
        "key": "k" * 12,
    }
    if path.startswith(("/avatar/", "/attached/", "/look/")):
        usual["version"] = "0" * 12
    if path.startswith("/card/"):
        usual["key"] = "0" * 20
    return _FIELD.sub(lambda match: str(values.get(match[1], usual.get(match[1], 1))), path)


async def ask(browser: Browser, method: str, path: str, form: dict[str, Any] | None = None, **headers: str) -> Page:
    """One request; what a form would send for the rest."""
    return await (browser.get(path, **headers) if method == "GET" else browser.post(path, form, **headers))


@pytest.mark.proves("SEC-100")
async def test_every_route_answers_with_the_security_headers(desk: Desk) -> None:
    await desk.write_post("anna")
    olga = await desk.logged_in("olga")
    listed = list(routes(desk.app, "GET", *_CHANGING))
    assert len(listed) > 90
    for method, path in listed:
        for browser in (desk.browser(), olga):
            answer = await ask(browser, method, filled(path))
            about, policy = f"{method} {path} {answer.status}", answer.headers.get("Content-Security-Policy", "")
            assert answer.status < 500, about
            assert policy.startswith("default-src 'none'"), about
            for rule in ("base-uri 'none'", "frame-ancestors 'none'", "form-action"):
                assert rule in policy, about
            assert "unsafe" not in policy, about
            assert "*" not in policy, about
            assert answer.headers["X-Content-Type-Options"] == "nosniff", about
            assert answer.headers["X-Frame-Options"] == "DENY", about
            assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), about
            assert answer.headers["Server"] == "fedblog", about
            if path.startswith(("/studio", "/log")):
                assert "no-store" in answer.headers["Cache-Control"], about


async def test_NEG_06_every_route_knows_head_options_and_what_is_allowed(desk: Desk) -> None:
    """HEAD answers like GET without a body, OPTIONS and other methods name what there is, and change nothing."""
    post = await desk.write_post("anna")
    browser = desk.browser()
    by_path: dict[str, set[str]] = {}
    for method, path in routes(desk.app, "GET", "HEAD", *_CHANGING):
        by_path.setdefault(path, set()).add(method)
    for path, methods in by_path.items():
        wanted = filled(path, slug=post.slug, post=post.uri.rpartition("/")[2])
        options, odd = [await browser._send(method, wanted, None, {}) for method in ("OPTIONS", "PROPFIND")]
        assert (options.status, odd.status) == (204, 405), path
        if "GET" not in methods:
            assert "POST" in odd.headers["Allow"], path
            continue
        if not path.startswith(("/ap/", "/.well-known/", "/nodeinfo")):
            assert methods <= {part.strip() for part in options.headers["Allow"].split(",")}, path
        assert methods <= {part.strip() for part in odd.headers["Allow"].split(",")}, path
        if "HEAD" not in methods:
            assert path == _STREAM
            continue
        head, get = await browser._send("HEAD", wanted, None, {}), await browser.get(wanted)
        assert (head.status, head.text) == (get.status, ""), path
        for name in ("Content-Type", "Content-Security-Policy", "Vary", "Location"):
            assert head.headers.get(name) == get.headers.get(name), (path, name)


@pytest.mark.proves("SEC-105")
async def test_no_route_changes_anything_for_a_form_of_another_site(desk: Desk) -> None:
    """Somebody who is logged in as the owner, lured elsewhere: 403 everywhere, and nothing happened."""
    post = await desk.write_post("anna")
    olga, anna = await desk.logged_in("olga"), await desk.logged_in("anna")
    own, others = (await olga.get("/studio/account")).csrf, (await anna.get("/studio/account")).csrf
    before = await desk.parts.db.read(_everything)
    tried = 0
    for method, path in routes(desk.app, *_CHANGING):
        if path.startswith(_INBOXES) or path == _ONE_CLICK:
            continue
        if path.startswith("/login"):  # before there is a log-in there is no token
            for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                assert (await ask(olga, method, path, {}, **headers)).status == 403, path
            continue
        forms: list[tuple[dict[str, str], dict[str, str]]] = [
            ({"csrf": own}, {"Origin": "https://evil.example"}),
            ({"csrf": own}, {"Origin": "null"}),
            ({"csrf": own}, {"Origin": BASE + ".evil.example"}),
            ({"csrf": own}, {"Sec-Fetch-Site": "cross-site"}),
            ({"csrf": own}, {"Sec-Fetch-Site": "same-site"}),
            ({}, {}),
            ({"csrf": others}, {}),
            ({"csrf": own[:-1] + ("0" if own[-1] != "0" else "1")}, {}),
        ]
        for form, headers in forms:
            answer = await ask(olga, method, filled(path, id=post.id), form, **headers)
            assert answer.status == 403, f"{method} {path} {form} {headers}: {answer.status}"
            tried += 1
    assert tried > 8 * 25
    assert await desk.parts.db.read(_everything) == before
    assert (await olga.get("/studio")).status == 200, "still logged in"
    login = await desk.browser().post("/login", {"username": "olga", "password": "x"}, Origin="https://evil.example")
    assert login.status == 403


@pytest.mark.proves("SEC-103", "SEC-106")
async def test_no_spelling_of_a_studio_address_opens_it_without_a_log_in(desk: Desk) -> None:
    """Every route below /studio, and every way to write it: the log-in form, 404 or 401, never a page."""
    post = await desk.write_post("anna", publish=False, title="Hidden thoughts")
    nobody = desk.browser(Cookie="fedblog-session=" + "A" * 43)
    for method, path in routes(desk.app, "GET", *_CHANGING):
        if not path.startswith("/studio"):
            continue
        path = filled(path, id=post.id)
        spelled = [
            *(path, path + "/", path + "/.", path.upper(), path + "//", "/" + path, path + "?x=1", path + ";a=b"),
            *(path.replace("/studio", "/%73tudio"), path.replace("/studio", "/studio/../studio"), path + "%20"),
            *(path + "%00", path.replace("studio/", "studio%2F"), "/static/../.." + path, path + ".json"),
        ]
        for spelling in spelled:
            answer = await ask(nobody, method, spelling)
            about = f"{method} {spelling}: {answer.status}"
            assert answer.status in (303, 400, 401, 404, 405), about
            if answer.status == 303:
                assert answer.location.startswith("/login?next="), about
            assert "Hidden thoughts" not in answer.text, about


@pytest.mark.proves("SEC-090", "SEC-119")
async def test_nobody_reaches_the_things_of_others_by_number(desk: Desk) -> None:
    """Bert, an author, tries every route of the studio with the numbers of Anna's things: nothing is shown or
    changed. The same requests of an editor reach them, so the numbers are right."""
    things = await _annas_things(desk)
    bert, edda = await desk.logged_in("bert"), await desk.logged_in("edda")
    token = (await bert.get("/studio/account")).csrf
    before = await desk.parts.db.read(_everything)
    tried = reached = 0
    for method, path in routes(desk.app, "GET", *_CHANGING):
        if not path.startswith("/studio") or "{id}" not in path:
            continue
        number = _number_for(path, things)
        wanted = filled(path, id=number, number=1)
        form = {"csrf": token, "of": "anna", "title": "Mine now", "source": "Mine now", "action": "save"}
        for todo in ("", "approve", "hide", "like", "accept", "reject", "remove", "pin", "role", "disable"):
            answer = await ask(bert, method, wanted, {**form, "do": todo, "role": "owner"})
            assert answer.status in (400, 403, 404), f"{method} {path} do={todo}: {answer.status}"
            assert "Secret words" not in answer.text, path
            tried += 1
        if method == "GET":
            reached += (await edda.get(wanted)).status == 200
    assert tried > 200
    assert reached >= 4
    for path in ("/studio", "/studio/posts", "/studio/conversations", "/studio/media", "/studio/quotes"):
        assert "Secret words" not in (await bert.get(path)).text, path
    assert (await bert.get("/studio/followers?of=anna")).status == 404
    assert await desk.parts.db.read(_everything) == before


@pytest.mark.proves("SEC-102", "SEC-099")
async def test_no_parameter_reaches_sql_or_the_page_as_it_is(desk: Desk) -> None:
    """Quotes, comments, NUL, bounds of numbers and markup in every query parameter and every place of every path."""
    await desk.write_post("anna", tags=["bread"])
    olga = await desk.logged_in("olga")
    values = ["%27%20OR%201=1--", "%22%3Bselect%201", "%00", "9" * 30, "-1", "%25", "%5C", "%3Csvg/onload=alert(1)%3E"]
    names = "q page before after since cursor show state of resource uri handle next back tag open sort order status"
    for _, path in routes(desk.app, "GET"):
        for value in values:
            query = "&".join(f"{name}={value}" for name in names.split())
            spelled = [f"{filled(path)}?{query}"]
            if "{" in path:
                spelled.append(_FIELD.sub(value, path))
            for wanted in spelled:
                answer = await olga.get(wanted)
                assert answer.status < 500, f"{wanted}: {answer.status}"
                assert "<svg/onload" not in answer.text, wanted


async def test_every_page_is_written_by_the_rules_of_html(desk: Desk) -> None:
    """No error of the parser (HTML Standard 13.2.2), no id twice: of pages that the owner or a stranger is shown."""
    things = await _annas_things(desk)
    post = await desk.write_post("anna", tags=["bread"])
    for _ in range(2):
        reply = await desk.reply(post, await desk.stranger(), "Words")
        await desk.reply(post, await desk.stranger(), "More words", parent=reply)
    problems: list[str] = []
    for browser in (await desk.logged_in("olga"), desk.browser()):
        for _, path in routes(desk.app, "GET"):
            if path == _STREAM:
                continue
            is_studio = path.startswith("/studio/") and "{id}" in path
            number = _number_for(path, things) if is_studio else post.id
            wanted = filled(path, id=number)
            answer = await browser.get(wanted)
            if not answer.text.lower().startswith("<!doctype"):  # no page, or a part of one
                continue
            parser = html5lib.HTMLParser()
            parser.parse(answer.text)
            problems += [f"{wanted}: {where} {code}" for where, code, _ in parser.errors]
            names = re.findall(r'\sid="([^"]+)"', answer.text)
            problems += [f"{wanted}: id {name} twice" for name in {one for one in names if names.count(one) > 1}]
    assert not problems, "\n".join(problems)


@pytest.mark.proves("SEC-109", "SEC-110")
async def test_no_route_says_a_foreign_host_or_breaks_a_header(desk: Desk) -> None:
    """Forwarded names show nowhere, and %0d%0a in a path or parameter makes no header line of its own."""
    await desk.write_post("anna")
    olga = await desk.logged_in("olga")
    names = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Original-URL": "//evil.example/"}
    for method, path in routes(desk.app, "GET"):
        answer = await ask(olga, method, filled(path), None, **names)
        assert "evil.example" not in answer.text + str(answer.headers), path
        broken = "a%0d%0aX-Injected:%20yes%0d%0aSet-Cookie:%20a=b"
        target = _FIELD.sub(broken, path) if "{" in path else filled(path)
        answer = await olga.get(f"{target}?next={broken}&back={broken}&uri={broken}&of={broken}&done={broken}")
        assert "X-Injected" not in answer.headers, path
        assert "a" not in {line.partition("=")[0] for line in olga.set_cookie}, path


@pytest.mark.proves("SEC-108")
async def test_no_parameter_of_any_route_leads_off_the_site(desk: Desk) -> None:
    """Wherever a page takes an address to go on to."""
    await desk.write_post("anna")
    olga = await desk.logged_in("olga")
    token = (await olga.get("/studio/account")).csrf
    away = ["https://evil.example/", "//evil.example", "/\\evil.example", "/%09/evil.example", "\\\\evil.example"]
    away += ["https:evil.example", "/studio/../../..//evil.example", "http://blog.example@evil.example/"]
    names = ("next", "back", "to", "url", "return", "redirect", "uri", "continue")
    for method, path in routes(desk.app, "GET", "POST"):
        if path.startswith(_INBOXES) or path in ("/logout", "/studio/posts/new"):
            continue
        for target in away:
            form = {"csrf": token, **dict.fromkeys(names, target)}
            query = "&".join(f"{name}={target}" for name in names)
            wanted = f"{filled(path, id=10**12)}?{query}" if method == "GET" else filled(path, id=10**12)
            location = (await ask(olga, method, wanted, form)).location
            where = location.removeprefix(BASE)
            assert where == "" or (where.startswith("/") and not where.startswith(("//", "/\\"))), (path, location)


async def _annas_things(desk: Desk) -> dict[str, int]:
    """A draft, a held letter to Anna, an answer, a follower, a picture's number and a quote that are hers."""
    post = await desk.write_post("anna", "Secret words")
    draft = await desk.write_post("anna", "Secret words", publish=False)
    mia = await desk.stranger()
    letter = await desk.reply(post, mia, "Secret words", visibility=Visibility.DIRECT)
    held = await desk.reply(post, mia, "Secret words", state=ReplyState.HELD)
    anna, olga = await desk.account("anna"), await desk.account("olga")
    answer: Reply = await desk.parts.publisher.answer(author_id=anna.actor_id, reply_id=held.id, source="Secret words")

    def more(tx: Tx) -> int:
        followers.add(tx, actor_id=mia.id, target_id=anna.actor_id, state="pending", follow_uri="", follow_json="{}")
        quote = quotes.add(
            tx,
            uri="https://far.example/q",
            url="https://far.example/q",
            actor_id=mia.id,
            post_id=post.id,
            target_uri=post.uri,
            state=QuoteState.PENDING,
            public=True,
            listed=False,
            request="{}",
            published_at=1,
        )
        return quote.id

    quote = await desk.parts.db.write(more)
    blocked = await desk.parts.db.write(block_lists.draft, "Secret words", [Entry("domain", "x.example")])
    endpoint: dict[str, Any] = {
        "endpoint": "https://push.example/1",
        "p256dh": "x",
        "auth": "x",
        "user_agent": "",
        "at_most": 9,
    }
    await desk.parts.db.write(notice_settings.add_subscription, anna.id, **endpoint)
    browser = (await desk.parts.db.read(notice_settings.subscriptions, anna.id))[0].id
    return {
        "posts": draft.id,
        "replies": letter.id,
        "answers": answer.id,
        "followers": mia.id,
        "quotes": quote,
        "people": olga.id,
        "blocks": blocked,
        "privacy": mia.id,
        "rules": 1,
        "decisions": 1,
        "reports": 1,
        "notifications": browser,
        "media": 1,
    }


def _number_for(path: str, things: dict[str, int]) -> int:
    kind = path.split("/")[2]
    assert kind in things, f"say in _annas_things what the number in {path} is of"
    return things[kind]


def _everything(tx: Tx) -> list[tuple[Any, ...]]:
    """What a request that is refused leaves as it was."""
    found: list[tuple[Any, ...]] = []
    tables = "posts replies reactions followers quotes blocks outgoing media push_subscriptions notice_settings"
    for table in tables.split():
        found += tx.all(f"SELECT '{table}', t.* FROM {table} t ORDER BY 2")
    found += [(one.id, one.role, one.password_hash, one.disabled_at) for one in accounts.all(tx)]
    found += [(actor.id, actor.name, actor.moved_to, actor.also_known_as) for actor in actors.local_actors(tx)]
    return found
