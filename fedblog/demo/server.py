"""A simulated server with pages for people: profiles, notes, and the form where a visitor tries "Reply"."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import DictLoader, Environment, StrictUndefined

from fedblog.demo import habits
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.habits import Addressee
from fedblog.demo.peer import PeerServer, place_of
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_server import Received
from fedblog.demo.people import Place
from fedblog.signatures.model import Scheme

Arrived = Callable[["DemoServer", Received], None]
_FEP_3B86 = "https://w3id.org/fep/3b86"
_INTENTS = {
    "Object": "act=reply&uri={object}",
    "Like": "act=like&uri={object}",
    "Announce": "act=boost&uri={object}",
    "Follow": "act=follow&uri={object}",
}
_MOST_ABOVE = 30
ACTS = {"reply": "Reply", "like": "Like", "boost": "Boost", "follow": "Follow"}


class DemoServer(PeerServer):
    """One place of the demo. `schemes_of` says how each of its people signs; `arrived` is told of inbox posts."""

    def __init__(self, place: Place, *, arrived: Arrived) -> None:
        super().__init__(style=place.style)
        self.place = place
        self.schemes = place.schemes
        self.schemes_of: dict[str, Scheme] = {}
        self._arrived_here = arrived
        self._templates = Environment(
            loader=DictLoader(_templates()), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pages for browsers, the protocol for servers."""
        if self.api is not None and self.api.answers(request.path):
            return await super().handle(request)
        if request.path == "/authorize_interaction":
            return await (self._act(request) if request.method == "POST" else self._ask(request))
        if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
            page = self._page(request.raw_path)
            if page is not None:
                return page
        answer = await super().handle(request)
        if request.method == "POST" and answer.status < 300:
            self._count(self.inbox[-1])
            self._arrived_here(self, self.inbox[-1])
        return answer

    def jrd(self, actor: PeerActor) -> dict[str, Any]:
        """Mastodon names its pages for likes, boosts and follows, too (FEP-3b86)."""
        found = super().jrd(actor)
        if self.style == "mastodon":
            found["links"] += [
                {"rel": f"{_FEP_3B86}/{intent}", "template": f"{self.base_url}/authorize_interaction?{query}"}
                for intent, query in _INTENTS.items()
            ]
        return found

    async def say(self, actor: PeerActor, inbox: str, activity: dict[str, Any]) -> None:
        """Sends an activity as that person's server signs. Raises `OSError` when it is not taken."""
        status, body = await self.post_activity(actor, inbox, activity, self.schemes_of.get(actor.username, "cavage"))
        if status >= 300:
            raise OSError(f"{activity['type']} of {actor.handle} was answered {status}: {body[:200]!r}")

    async def object_of(self, url: str) -> dict[str, Any]:
        """What a URL names, whether it is an id or a page. Raises `OSError`."""
        if not (urlsplit(url).hostname or "").endswith("localhost"):
            raise OSError("the simulated servers know nothing beyond this machine")
        found = await self.fetch_json(url)
        if not isinstance(found, dict) or not isinstance(found.get("id"), str):
            raise OSError(f"{url} is no object")
        return found

    async def addressee(self, actor_id: str) -> tuple[Addressee, str]:
        """Somebody to mention, and the inbox that hears for them. Raises `OSError`."""
        actor = await self.object_of(actor_id)
        host = actor_id.split("/")[2]
        inbox = (actor.get("endpoints") or {}).get("sharedInbox") or actor["inbox"]
        name = actor["preferredUsername"]
        return Addressee(actor_id, str(actor.get("url") or actor_id), f"@{name}@{host}"), str(inbox)

    def _count(self, received: Received) -> None:
        """A Like of a note from here raises the number that everybody reads at its origin."""
        target = received.activity.get("object")
        if received.type == "Like" and isinstance(target, str):
            self.add_like(target)

    def add_like(self, note_id: str) -> None:
        """One more like on a note of ours."""
        found = self.objects.get(place_of(note_id))
        if found is not None:
            self.set_totals(note_id, likes=int(found[0]["likes"]["totalItems"]) + 1)

    # Pages

    def _page(self, target: str) -> web.Response | None:
        base = self.base_url
        if target == "/":
            return self._render("home.html", people=list(self.actors.values()))
        for actor in self.actors.values():
            if base + target in (actor.id, actor.url):
                notes = [note for note in self._notes() if note["attributedTo"] == actor.id]
                return self._render("profile.html", actor=actor, notes=notes)
        for note in self._notes():
            if base + target in (note["id"], note["url"]):
                author = next(one for one in self.actors.values() if one.id == note["attributedTo"])
                return self._render("note.html", actor=author, note=note)
        return None

    def _notes(self) -> list[dict[str, Any]]:
        return [document for document, _ in self.objects.values() if document.get("type") == "Note"]

    async def _ask(self, request: web.Request) -> web.Response:
        """The form; `uri` names what a visitor came from."""
        uri = request.query.get("uri", "")
        try:
            found = await self.object_of(uri) if uri.startswith("http") else None
        except OSError as exc:
            return self._render("failed.html", status=502, problem=str(exc))
        if found is None:
            return self._render("failed.html", status=400, problem="no link came with you")
        is_actor = "inbox" in found
        who = [actor for actor in self.actors.values() if actor.type == "Person"]
        acts = {"follow": "Follow"} if is_actor else {act: ACTS[act] for act in ("reply", "like", "boost")}
        wanted = request.query.get("act", "")
        name = str(found.get("name") or found.get("preferredUsername") or "") or _shortened(found.get("content"))
        return self._render(
            "interact.html",
            uri=str(found["id"]),
            name=name,
            people=sorted(who, key=lambda actor: actor.username != "visitor"),
            acts=acts,
            chosen=wanted if wanted in acts else next(iter(acts)),
            back=str(found.get("url") or uri),
        )

    async def _act(self, request: web.Request) -> web.Response:
        """Does what the form says, with a real signature."""
        if request.headers.get("Origin", self.base_url) != self.base_url:
            return self._render("failed.html", status=403, problem="this form belongs to another site")
        form = await request.post()
        uri, act, text = (str(form.get(name, "")).strip() for name in ("uri", "act", "text"))
        actor = next((one for one in self.actors.values() if one.username == form.get("who")), None)
        if actor is None or act not in ACTS or (act == "reply" and not text):
            return self._render("failed.html", status=400, problem="choose somebody, and write something")
        try:
            back = await self.interact(actor, act, uri, text[:5_000])
        except (OSError, KeyError) as exc:
            return self._render("failed.html", status=502, problem=str(exc))
        return self._render("done.html", actor=actor, act=ACTS[act], back=back)

    async def interact(self, actor: PeerActor, act: str, uri: str, text: str) -> str:
        """Reply to, like, boost or follow what `uri` names; returns the page of the conversation. Raises `OSError`."""
        found = await self.object_of(uri)
        chain = await self._conversation(found)
        target, back = str(found["id"]), str(chain[-1].get("url") or uri)
        if act == "reply":
            await self._send_reply(actor, target, text, chain)
            return back
        owner = target if "inbox" in found else str(found["attributedTo"])
        _, inbox = await self.addressee(owner)
        if act == "like":
            activity = payloads.like(actor, target)
        elif act == "boost":
            activity = payloads.announce(actor, target, cc=[actor.followers, owner])
        else:
            activity = payloads.follow(actor, target)
        await self.say(actor, inbox, activity)
        return back

    async def _conversation(self, found: dict[str, Any]) -> list[dict[str, Any]]:
        """What is answered, what that answered, and so on up to the post."""
        chain = [found]
        while isinstance(above := chain[-1].get("inReplyTo"), str) and len(chain) < _MOST_ABOVE:
            try:
                chain.append(await self.object_of(above))
            except OSError:
                break  # deleted: what is below it still stands
        return chain

    async def _send_reply(self, actor: PeerActor, target: str, text: str, chain: list[dict[str, Any]]) -> None:
        """To everybody in the branch, as software does that mentions all of them: so the blog gets it, too."""
        owners = list(dict.fromkeys(str(one["attributedTo"]) for one in chain))
        found = [await self.addressee(owner) for owner in owners if owner != actor.id]
        note = habits.write_note(actor, target, text, [person for person, _ in found], now=time.time())
        self.publish(note)
        create = habits.write_create(actor, note)
        for inbox in dict.fromkeys(inbox for _, inbox in found):
            await self.say(actor, inbox, create)

    def _render(self, template: str, status: int = 200, **context: Any) -> web.Response:
        text = self._templates.get_template(template).render(place=self.place, base_url=self.base_url, **context)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


def _templates() -> dict[str, str]:
    folder = resources.files("fedblog.demo").joinpath("pages")
    return {entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name.endswith(".html")}


def _shortened(content: object) -> str:
    text = content if isinstance(content, str) else ""
    return "a reply" if not text else "the reply you came from"
