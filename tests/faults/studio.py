"""Somebody who writes in the studio over HTTP, on any instance: in this process or in one that gets killed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp

FORM = {"comments_open": "1", "visibility": "public"}
_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
_VERSION = re.compile(r'name="version"[^>]*value="(\d*)"|value="(\d*)"[^>]*name="version"')


@dataclass
class Studio:
    """A browser without scripts, logged in by `log_in`."""

    base_url: str
    session: aiohttp.ClientSession
    cookies: dict[str, str] = field(default_factory=dict)

    async def log_in(self, name: str, password: str) -> None:
        """Raises `AssertionError` where it doesn't work."""
        status, text, _ = await self.send("POST", "/login", {"username": name, "password": password})
        assert status == 303, (status, text)

    async def publish(self, title: str, source: str) -> tuple[int, str, dict[str, str]]:
        """Write a new post and publish it: status, body and headers; a redirect means that it is published."""
        return await self._fill("/studio/posts/new", title=title, source=source, action="publish")

    async def edit(self, post_id: int, title: str, source: str) -> tuple[int, str, dict[str, str]]:
        """Change a published post."""
        return await self._fill(f"/studio/posts/{post_id}", title=title, source=source, action="save")

    async def _fill(self, path: str, **fields: str) -> tuple[int, str, dict[str, str]]:
        status, text, headers = await self.send("GET", path)
        if status != 200:
            return status, text, headers
        return await self.send("POST", path, filled(text, **fields))

    async def form(self, path: str, **fields: str) -> dict[str, str]:
        """The editor's form at a path, filled in and not sent yet."""
        return filled((await self.send("GET", path))[1], **fields)

    async def send(
        self,
        method: str,
        path: str,
        form: dict[str, str] | aiohttp.FormData | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, dict[str, str]]:
        """One request; cookies are kept."""
        headers = {"Accept": "text/html", "Origin": self.base_url, **(headers or {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent: dict[str, Any] = {"data": form, "headers": headers, "allow_redirects": False}
        async with self.session.request(method, self.base_url + path, **sent) as answer:
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return answer.status, await answer.text(errors="replace"), dict(answer.headers)


def filled(page: str, **fields: str) -> dict[str, str]:
    """A form as it stands on its page, with its token and version, and these fields."""
    token, version = _TOKEN.search(page), _VERSION.search(page)
    assert token, page[:500]
    return {"csrf": token[1], "version": (version[1] or version[2] or "") if version else "", **FORM, **fields}


def post_id(headers: dict[str, str]) -> int:
    """The post that a redirect of the studio leads to."""
    found = re.search(r"/studio/posts/(\d+)", headers.get("Location", ""))
    assert found, headers
    return int(found[1])
