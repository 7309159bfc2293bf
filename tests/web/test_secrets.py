"""After a day at work, no secret stands in a log line, in an error page, or in the clear in the data folder."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from fedblog.blog.model import Visibility
from fedblog.observe import JsonFormatter, TextFormatter
from fedblog.storage import accounts, actors, keys
from fedblog.storage.database import Tx
from tests.web.desk import HOST, PASSWORD, Desk

WRONG = "wr0ng-passw0rd-typed"
PRIVATE = "nobody-else-may-read-this"
TOKEN = "token-in-a-query"


@pytest.mark.proves("SEC-091")
async def test_no_secret_is_logged_shown_or_kept_in_the_clear(
    desk: Desk, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    pages: list[str] = []
    anna = await desk.logged_in("anna")
    cookie = anna.cookies["fedblog-session"]
    csrf = (await anna.get("/studio/account")).csrf
    nobody = desk.browser(Authorization=f"Bearer {TOKEN}")
    pages.append((await nobody.log_in("anna", WRONG)).text)
    pages.append((await nobody.log_in(f"{WRONG}-as-name", WRONG)).text)
    post = await desk.write_post("anna", source=f"A draft: {PRIVATE}", publish=False)
    public = await desk.write_post("anna", "In the open")
    mia = await desk.stranger()
    letter = await desk.reply(public, mia, PRIVATE, visibility=Visibility.DIRECT)
    await anna.post(f"/studio/replies/{letter.id}/answer", {"csrf": csrf, "source": PRIVATE})
    await anna.post("/studio/account/password", {"csrf": csrf, "current": WRONG, "new": WRONG + "2"})
    for path in (f"/studio/posts/{post.id}?x={TOKEN}", f"/search?q={TOKEN}", f"/nope?{TOKEN}", "/studio/posts/9"):
        await anna.get(path)
        pages.append((await nobody.get(path.partition("?")[0])).text)
    body = json.dumps(
        {"id": "https://far.example/1", "type": "Create", "actor": mia.uri, "object": {"content": PRIVATE}}
    )
    for headers in ({}, {"Signature": f'keyId="https://far.example/k",signature="{TOKEN}"'}):
        kind = {"Host": HOST, "Content-Type": "application/activity+json"}
        async with nobody._session.post(f"{nobody.root}/inbox", data=body, headers={**kind, **headers}) as answer:
            pages.append(await answer.text())

    def broken(tx: Tx, *_: object) -> object:
        raise RuntimeError("this fails")

    with monkeypatch.context() as patched:
        patched.setattr(actors, "blog", broken)
        patched.setattr(accounts, "sessions_of", broken)
        for path in ("/", "/studio/account", f"/@anna/{public.slug}?x={TOKEN}"):
            failed = await anna.get(path, **{"X-Secret": TOKEN})
            if failed.status >= 500:
                pages.append(failed.text)
    key = (await desk.parts.db.read(keys.local_keys, public.author_id, desk.parts.sealer))[0].private_pem
    assert "PRIVATE KEY" in key
    assert len(caplog.records) > 20

    lines = [form.format(one) for one in caplog.records for form in (JsonFormatter(), TextFormatter())]
    secrets = {
        *(PASSWORD, WRONG, TOKEN, cookie, csrf, PRIVATE),
        *(key.splitlines()[2], (tmp_path / "data" / "secret").read_text("ascii").strip()),
    }
    found = {(secret, line[:200]) for secret in secrets for line in lines if secret in line}
    assert found == set()
    assert [secret for secret in secrets for page in pages if secret in page and secret != WRONG] == []
    files = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*.sqlite3*"))
    assert PRIVATE.encode() in files, "the files are read as they are"
    assert [one for one in secrets - {PRIVATE} if one.encode() in files] == []
