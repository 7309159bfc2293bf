"""Finding people on other servers: `@name@host` to a JRD and on to the actor's id (DISC-07)."""

from __future__ import annotations

from typing import Protocol

from fedblog.activitypub.discovery import Handle, Jrd, fill_template, parse_acct, read_jrd
from fedblog.activitypub.urls import Uri, maybe_uri
from fedblog.activitypub.wire import parse_object
from fedblog.errors import DialRefused, FetchFailed, FetchGone, InvalidInput, Refused
from fedblog.federation.budget import Budget
from fedblog.federation.client import ConnectFailed, Response
from fedblog.federation.links import lrdd_template

ACCEPT_JRD = "application/jrd+json, application/json"
ACCEPT_HOST_META = "application/xrd+xml, application/jrd+json, application/xml, application/json"


class PlainFetcher(Protocol):
    """What is needed of `Fetcher`."""

    @property
    def allow_http(self) -> bool:
        """Whether plain http may be tried."""

    async def plain(self, uri: Uri, *, accept: str, budget: Budget | None = None) -> Response:
        """An unsigned GET that raises for anything but 2xx."""


async def jrd(fetcher: PlainFetcher, handle: Handle, *, budget: Budget | None = None) -> Jrd:
    """What the handle's domain says about it.

    A subject on another host is asked for there, once; that host must confirm it and name the same actor. Raises
    `FetchGone` for an unknown name and what `Fetcher.document` raises; `FetchFailed` with reason `webfinger_invalid`
    or `webfinger_unconfirmed`.
    """
    found = await _ask(fetcher, handle, budget)
    subject = found.handle
    if subject is None or _same(subject, handle):
        return found
    confirmed = await _ask(fetcher, subject, budget)
    agreed = confirmed.handle is not None and _same(confirmed.handle, subject)
    if not agreed or confirmed.self_href != found.self_href:
        raise FetchFailed(f"{subject.host} does not confirm {subject.acct}", reason="webfinger_unconfirmed")
    return confirmed


async def webfinger_actor(fetcher: PlainFetcher, handle: Handle, *, budget: Budget | None = None) -> Uri:
    """The id of the actor that a handle means. Raises as `jrd`."""
    found = maybe_uri((await jrd(fetcher, handle, budget=budget)).self_href)
    if found is None:
        raise FetchFailed(f"{handle.acct} has no ActivityPub actor", reason="webfinger_invalid")
    return found


async def confirmed_domain(
    fetcher: PlainFetcher, claimed: str, actor_id: Uri, *, budget: Budget | None = None
) -> str | None:
    """The domain of a handle that an actor claims (FEP-2c59), if that domain says the same (DISC-05, DISC-06)."""
    try:
        handle = parse_acct(claimed)
        found = await _ask(fetcher, handle, budget)
    except (FetchFailed, InvalidInput):
        return None
    confirmed = found.handle is not None and _same(found.handle, handle) and found.self_href == actor_id
    return handle.host if confirmed else None


async def _ask(fetcher: PlainFetcher, handle: Handle, budget: Budget | None) -> Jrd:
    last: FetchFailed | None = None
    # Plain http only where the whole instance allows it: tests and intranets.
    for scheme in ("https", "http") if fetcher.allow_http else ("https",):
        try:
            return await _ask_at(fetcher, f"{scheme}://{handle.host}", handle, budget)
        except (ConnectFailed, DialRefused) as exc:
            last = last or exc
    raise last or FetchFailed(f"{handle.host} can't be asked", reason="webfinger_invalid")


async def _ask_at(fetcher: PlainFetcher, origin: str, handle: Handle, budget: Budget | None) -> Jrd:
    url = _filled(f"{origin}/.well-known/webfinger?resource={{uri}}", handle)
    try:
        return _read(await fetcher.plain(url, accept=ACCEPT_JRD, budget=budget))
    except FetchGone as gone:
        if gone.http_status != 404:
            raise
        meta = await fetcher.plain(Uri(f"{origin}/.well-known/host-meta"), accept=ACCEPT_HOST_META, budget=budget)
        template = lrdd_template(meta.body, meta.content_type)
        if template is None:
            raise gone from None
        elsewhere = _filled(template, handle)
        if elsewhere == url:
            raise gone from None
        return _read(await fetcher.plain(elsewhere, accept=ACCEPT_JRD, budget=budget))


def _filled(template: str, handle: Handle) -> Uri:
    try:
        return fill_template(template, {"uri": handle.acct})
    except InvalidInput as exc:
        raise FetchFailed(f"{handle.host} has an unusable WebFinger address", reason="webfinger_invalid") from exc


def _read(response: Response) -> Jrd:
    try:
        return read_jrd(parse_object(response.body))
    except Refused as exc:
        raise FetchFailed(f"{response.url}: {exc}", reason="webfinger_invalid") from exc


def _same(one: Handle, other: Handle) -> bool:
    return one.name.lower() == other.name.lower() and one.host == other.host
