"""Pictures through the studio and out again: forms, limits, who may what, and how files are served."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yarl
from multidict import CIMultiDict, CIMultiDictProxy

from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import Media
from fedblog.blog.model import Post
from fedblog.federation.client import Response
from fedblog.media.names import PictureKind
from fedblog.storage import actors, media
from tests.media import files
from tests.web.desk import BASE, Browser, Desk, Page, open_desk

IMMUTABLE = "public, max-age=31536000, immutable"


def form_with(token: str, fields: dict[str, Any], **uploads: tuple[str, bytes, str]) -> aiohttp.FormData:
    """A multipart form: `name=(filename, bytes, type)`."""
    form = aiohttp.FormData({"csrf": token, **fields})
    for name, (filename, body, content_type) in uploads.items():
        form.add_field(name, io.BytesIO(body), filename=filename, content_type=content_type)
    return form


async def upload(browser: Browser, data: bytes, *, name: str = "sea.jpg", alt: str = "", **headers: str) -> Page:
    token = (await browser.get("/studio/media")).csrf
    form = form_with(token, {"alt": alt}, file=(name, data, "image/svg+xml"))
    return await browser.post("/studio/media", form, **headers)  # type: ignore[arg-type]


async def kept(desk: Desk) -> list[Media]:
    return await desk.parts.db.read(media.page, owner_id=None, before=None, limit=100)


async def test_a_plain_form_adds_a_picture_and_its_files_are_served(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    page = await anna.follow(await upload(anna, files.with_gps(), alt="The sea"))
    assert "Picture added." in page.text
    assert "sea.jpg" in page.text
    (picture,) = await kept(desk)
    assert picture.alt == "The sea"
    for file, media_type in ((f"{picture.name}.jpg", "image/jpeg"), (f"{picture.name}-480.webp", "image/webp")):
        answer = await _raw(desk, f"/media/{file}")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Cache-Control"] == IMMUTABLE
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert b"SecretPhoneMaker" not in answer.body
        part = await _raw(desk, f"/media/{file}", Range="bytes=2-9")
        assert (part.status, part.body) == (206, answer.body[2:10])
        again = await _raw(desk, f"/media/{file}", **{"If-None-Match": answer.headers["ETag"]})
        assert again.status == 304


@pytest.mark.parametrize(
    "path",
    ["/media/", "/media/..%2f..%2fsecret", "/media/../secret", "/media/%2e%2e/fedblog.sqlite3", "/media/secret",
     "/media/p00000000000000000000.jpg", "/media/x%00.jpg", "/media/..%5csecret", "/media/p0.svg"],
)  # fmt: skip
async def test_SEC_112_no_path_leads_out_of_the_folder(desk: Desk, path: str) -> None:
    assert (await _raw(desk, path)).status == 404


async def test_SEC_112_a_link_in_the_folder_is_not_followed(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    await upload(anna, files.jpeg(50, 50))
    (picture,) = await kept(desk)
    folder = desk.parts.settings.data_dir / "media" / picture.name[1:3]
    (folder / f"{picture.name}-77.webp").symlink_to(desk.parts.settings.data_dir / "secret")
    assert (await _raw(desk, f"/media/{picture.name}-77.webp")).status == 404


@pytest.mark.parametrize("name", [name for name in files.HOSTILE if name != "nothing"])
async def test_SEC_116_hostile_uploads_are_refused_in_words(desk: Desk, name: str) -> None:
    anna = await desk.logged_in("anna")
    page = await upload(anna, files.HOSTILE[name], name="../../x.png")
    assert page.status == 400
    assert "This is no picture that can be read" in page.text
    assert await kept(desk) == []


async def test_uploads_need_a_log_in_a_token_and_our_origin(desk: Desk) -> None:
    anna, nobody = await desk.logged_in("anna"), desk.browser()
    good = files.jpeg(50, 50)
    assert (await nobody.get("/studio/media")).status == 303
    form = form_with("0" * 64, {}, file=("a.jpg", good, "image/jpeg"))
    assert (await nobody.post("/studio/media", form)).status == 401  # type: ignore[arg-type]
    form = form_with("0" * 64, {}, file=("a.jpg", good, "image/jpeg"))
    assert (await anna.post("/studio/media", form)).status == 403  # type: ignore[arg-type]
    assert (await upload(anna, good, Origin="https://evil.example")).status == 403
    assert await kept(desk) == []


async def test_scripts_get_json_and_words_for_what_went_wrong(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    answer = await upload(anna, files.jpeg(300, 200), alt="A [sea]\\", Accept="application/json")
    found = msgspec.json.decode(answer.text)
    assert found["markdown"] == f"![A \\[sea\\]\\\\]({found['path']})"
    assert found["url"] == BASE + found["path"]
    assert (found["width"], found["height"]) == (300, 200)
    refused = await upload(anna, files.SVG, Accept="application/json")
    assert refused.status == 400
    assert msgspec.json.decode(refused.text)["words"].startswith("This is no picture")


async def test_SEC_119_nobody_touches_somebody_elses_pictures(desk: Desk) -> None:
    anna, bert, edda = [await desk.logged_in(name) for name in ("anna", "bert", "edda")]
    await upload(anna, files.jpeg(50, 50), name="annas-own.jpg", alt="mine")
    (picture,) = await kept(desk)
    where = f"/studio/media/{picture.id}"
    assert "annas-own.jpg" not in (await bert.get("/studio/media")).text
    assert (await bert.send(where, {"alt": "taken"})).status == 404
    assert (await bert.get(f"{where}/delete")).status == 404
    assert (await bert.send(f"{where}/delete")).status == 404
    assert [one.alt for one in await kept(desk)] == ["mine"]
    assert "annas-own.jpg" in (await edda.get("/studio/media")).text
    assert (await edda.send(where, {"alt": "by the editor"})).status == 303
    assert (await edda.send(f"{where}/delete")).status == 303
    assert await kept(desk) == []
    assert (await edda.send("/studio/media/99999999999999999999/delete")).status == 404


async def test_without_scripts_the_editor_puts_a_picture_into_the_text(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    post = await desk.write_post("anna", publish=False, source="Words.")
    page = await _editor(anna, post, "upload", picture=files.jpeg(1000, 700), alt="The sea")
    (picture,) = await kept(desk)
    assert page.area("source") == f"Words.\n\n![The sea](/media/{picture.name}.jpg)\n"
    assert "Nothing else is saved yet" in page.text
    saved = await desk.parts.db.read(media.uses, [picture.id])
    assert saved == []
    # A file that was chosen but not put in goes along with the save.
    assert (await _editor(anna, post, "save", picture=files.jpeg(1000, 700), alt="The sea")).status == 303
    assert [use.post_id for use in await desk.parts.db.read(media.uses, [picture.id])] == [post.id]
    preview = await anna.send("/studio/preview", {"source": f"![x](/media/{picture.name}.jpg)"})
    assert "<figure><img" in preview.text
    assert f"{picture.name}-480.webp 480w" in preview.text


async def test_a_bad_file_in_the_editor_loses_no_word(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    post = await desk.write_post("anna", publish=False)
    page = await _editor(anna, post, "save", picture=files.SVG, source="My long text.")
    assert page.status == 400
    assert page.area("source") == "My long text."
    assert "no picture" in page.text


async def test_a_file_over_the_limit_loses_no_word(template: Path, tmp_path: Path) -> None:
    async with _desk_with(template, tmp_path, max_bytes=100_000) as desk:
        anna = await desk.logged_in("anna")
        post = await desk.write_post("anna", publish=False)
        noise = b"\xff\xd8\xff" + b"x" * 300_000
        page = await _editor(anna, post, "save", picture=noise, source="My long text.")
        assert page.status == 400
        assert "too large" in page.text
        assert page.area("source") == "My long text."


async def test_no_room_is_said_and_is_no_conflict_of_versions(template: Path, tmp_path: Path) -> None:
    async with _desk_with(template, tmp_path, max_total_bytes=10) as desk:
        anna = await desk.logged_in("anna")
        post = await desk.write_post("anna", publish=False)
        page = await _editor(anna, post, "upload", picture=files.jpeg(50, 50), source="My text.")
        assert page.status == 400
        assert "no room" in page.text
        assert page.area("source") == "My text."


async def test_ART_06_pictures_of_ours_are_sent_with_size_and_blurhash(desk: Desk) -> None:
    picture, cover = await _library(desk, 1000, 700), await _library(desk, 1300, 650)
    post = await _with_pictures(desk, picture, cover)
    sent = [msgspec.json.decode(activity.body) for activity in await desk.sent() if activity.type == "Create"]
    article = sent[0]["object"]
    url = f"{BASE}/media/{cover.name}.jpg"
    expected = {"type": "Image", "mediaType": "image/jpeg", "url": url, "name": "A hill", "width": 1300, "height": 650}
    assert article["image"] == {**expected, "blurhash": cover.blurhash}
    assert [one["url"] for one in article["attachment"]] == [url, f"{BASE}/media/{picture.name}.jpg"]
    assert article["attachment"][1]["width"] == 1000
    assert f'<img src="{BASE}/media/{picture.name}.jpg" alt="The sea" width="1000" height="700">' in article["content"]
    served = await _raw(desk, post.uri.removeprefix(BASE), Accept="application/activity+json")
    assert msgspec.json.decode(served.body)["attachment"] == article["attachment"]


async def test_the_page_shows_figures_cover_and_card(desk: Desk) -> None:
    picture, cover = await _library(desk, 1000, 700), await _library(desk, 1300, 650)
    post = await _with_pictures(desk, picture, cover, more="\n\n![cat](https://far.example/cat.jpg)")
    page = (await _raw(desk, f"/@anna/{post.slug}")).body.decode()
    assert re.search(
        rf'<figure><img src="{BASE}/media/{picture.name}.jpg" srcset="[^"]+" sizes="[^"]+" width="1000"', page
    )
    assert re.search(
        rf'<figure class="post-cover"><img class="u-photo" src="{BASE}/media/{cover.name}.jpg" srcset=', page
    )
    assert f'<meta property="og:image" content="{BASE}/media/{cover.name}.jpg">' in page
    assert '<meta property="og:image:width" content="1300">' in page
    assert '<meta property="og:image:alt" content="A hill">' in page
    assert 'href="https://far.example/cat.jpg"' in page
    assert 'src="https://far.example' not in page


async def test_lists_show_covers_but_not_behind_a_warning(desk: Desk) -> None:
    picture, cover = await _library(desk, 300, 200), await _library(desk, 1300, 650)
    post = await _with_pictures(desk, picture, cover)
    url = desk.parts.library.url(picture)
    await desk.write_post("anna", "Warned", image_url=url, content_warning="spiders")
    await desk.write_post("anna", "Elsewhere", image_url="https://far.example/cat.jpg")
    for path in ("/", "/@anna"):
        page = (await _raw(desk, path)).body.decode()
        link = rf'<a class="post-card-cover" href="/@anna/{post.slug}" tabindex="-1" aria-hidden="true">'
        assert re.search(rf'{link}<img class="u-photo" src="{BASE}/media/{cover.name}.jpg" srcset="[^"]+"', page)
        assert page.count("post-card-cover") == 1, "one is behind a warning, one lies elsewhere"


async def test_a_picture_in_use_is_not_deleted(desk: Desk) -> None:
    picture = await _library(desk, 300, 200)
    post = await _with_pictures(desk, picture, picture)
    anna = await desk.logged_in("anna")
    where = f"/studio/media/{picture.id}/delete"
    page = await anna.send(where)
    assert page.status == 409
    assert "in use" in page.text
    assert f"/studio/posts/{post.id}" in page.text
    await desk.parts.publisher.delete(post.id)
    assert (await anna.send(where)).status == 303
    assert (await _raw(desk, f"/media/{picture.name}.jpg")).status == 404


async def test_ACT_04_profile_pictures_are_squares_and_everybody_is_told(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    account = await desk.account("anna")
    token = (await anna.get("/studio/profile")).csrf
    form = form_with(
        token,
        {"name": "Anna", "bio": ""},
        icon=("me.png", files.encoded(files.picture(700, 500), "PNG"), "text/html"),
        header=("hill.jpg", files.jpeg(1800, 900), "image/jpeg"),
    )
    assert (await anna.post("/studio/profile", form)).status == 303  # type: ignore[arg-type]
    actor = await desk.parts.db.read(actors.by_id, account.actor_id)
    told = msgspec.json.decode([one for one in await desk.sent() if one.type == "Update"][-1].body)["object"]
    assert told["icon"] == {"type": "Image", "mediaType": "image/jpeg", "url": actor.icon_url}
    assert told["image"] == {"type": "Image", "mediaType": "image/jpeg", "url": actor.image_url}
    page = (await _raw(desk, "/@anna")).body.decode()
    small = actor.icon_url.removeprefix(BASE).replace(".jpg", "-160.webp")
    assert f'<img src="{small}" alt=""' in page
    assert (await _raw(desk, small)).status == 200
    assert actor.image_url in page
    # Nothing chosen: they stay. A tick: they go.
    assert (await anna.send("/studio/profile", {"name": "Anna B."}, on="/studio/profile")).status == 303
    assert (await desk.parts.db.read(actors.by_id, account.actor_id)).icon_url == actor.icon_url
    await anna.send("/studio/profile", {"name": "Anna", "remove_icon": "1"}, on="/studio/profile")
    after = await desk.parts.db.read(actors.by_id, account.actor_id)
    assert (after.icon_url, after.image_url) == ("", actor.image_url)


async def test_missing_descriptions_and_foreign_pictures_are_told_before_publishing(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    picture = await _library(desk, 60, 60)
    source = f"![](/media/{picture.name}.jpg) ![cat](https://far.example/cat.jpg)"
    post = await desk.write_post("anna", publish=False, source=source)
    page = await _editor(anna, post, "publish", source=source)
    assert page.status == 200
    assert "A picture has no description." in page.text
    assert "A picture lies on another server." in page.text
    assert 'value="bring"' in page.text


async def _editor(
    browser: Browser, post: Post, action: str, *, source: str = "Words.", picture: bytes = b"", alt: str = ""
) -> Page:
    where = f"/studio/posts/{post.id}"
    page = await browser.get(where)
    fields = {"action": action, "title": "On bread", "source": source, "version": page.value("version")}
    fields |= {"picture_alt": alt, "comments_open": "1"}
    uploads = {"picture": ("x.jpg", picture, "image/jpeg")} if picture else {"picture": ("", b"", "application/x")}
    return await browser.post(where, form_with(page.csrf, fields, **uploads))  # type: ignore[arg-type]


async def _library(desk: Desk, width: int, height: int) -> Media:
    account = await desk.account("anna")
    return await desk.parts.library.add(files.jpeg(width, height), kind=PictureKind.PICTURE, owner_id=account.actor_id)


async def _with_pictures(desk: Desk, picture: Media, cover: Media, more: str = "") -> Post:
    return await desk.write_post(
        "anna",
        source=f"Words.\n\n![The sea](/media/{picture.name}.jpg){more}",
        image_url=desk.parts.library.url(cover),
        image_alt="A hill",
        pictures=True,
    )


@asynccontextmanager
async def _desk_with(template: Path, tmp_path: Path, **limits: int) -> AsyncIterator[Desk]:
    """A desk with other limits for pictures."""
    async with open_desk(template, tmp_path / "data") as desk:
        settings = msgspec.structs.replace(
            desk.parts.settings, media=msgspec.structs.replace(desk.parts.settings.media, **limits)
        )
        desk.parts.library._settings = settings
        yield desk


class _Answer(msgspec.Struct):
    status: int
    headers: Any
    body: bytes


async def _raw(desk: Desk, path: str, **headers: str) -> _Answer:
    url = yarl.URL(str(desk.server.make_url("/")).rstrip("/") + path, encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Host": "blog.example", **headers}, allow_redirects=False) as answer,
    ):
        return _Answer(answer.status, answer.headers.copy(), await answer.read())


async def test_pictures_elsewhere_are_brought_here_at_a_click(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def get(uri: str, **options: Any) -> Response:
        asked.append(uri)
        body = files.jpeg(300, 200) if "cat" in uri else files.SVG
        return Response(200, CIMultiDictProxy(CIMultiDict()), body, Uri(uri))

    monkeypatch.setattr(desk.parts.client, "get", get)
    anna = await desk.logged_in("anna")
    post = await desk.write_post("anna", publish=False)
    source = "![cat](https://far.example/cat.jpg?a=1&b=2) and ![bad](https://bad.example/x.svg)"
    page = await _editor(anna, post, "bring", source=source)
    (picture,) = await kept(desk)
    assert page.area("source") == f"![cat](/media/{picture.name}.jpg) and ![bad](https://bad.example/x.svg)"
    assert "1 picture brought here. Save to keep that." in page.text
    assert "No picture could be had from bad.example." in page.text
    assert asked == ["https://far.example/cat.jpg?a=1&b=2", "https://bad.example/x.svg"]


async def test_the_put_in_button_without_a_file_says_so(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    post = await desk.write_post("anna", publish=False)
    page = await _editor(anna, post, "upload", source="My words.")
    assert (page.status, page.area("source")) == (400, "My words.")
    assert "Choose a picture first." in page.text


async def test_pictures_are_found_and_unused_ones_deleted_together(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    for number, (name, alt) in enumerate((("sea.jpg", "The sea"), ("hill_1.jpg", ""), ("lake.jpg", "A lake"))):
        await upload(anna, files.jpeg(500 + 100 * number, 300), name=name, alt=alt)
    sea, hill, lake = sorted(await kept(desk), key=lambda one: one.id)
    await desk.write_post("anna", "With a picture", source=f"![The sea]({BASE}/media/{sea.name}.jpg)")
    answered = await desk.write_post("anna", "Answered")
    account = await desk.account("anna")
    await desk.parts.publisher.answer(
        author_id=account.actor_id, post_id=answered.id, source=f"![A lake]({BASE}/media/{lake.name}.jpg)"
    )
    for query, wanted in (
        ("", {sea.id, hill.id, lake.id}),
        ("show=unused", {hill.id}),
        ("show=undescribed", {hill.id}),
        ("q=SEA", {sea.id}),
        ("q=hill%5F", {hill.id}),
        ("q=%25", set()),
        ("show=nonsense&q=lake", {lake.id}),
    ):
        page = await anna.get(f"/studio/media?{query}")
        assert set(map(int, re.findall(r'id="picture-(\d+)"', page.text))) == wanted, query
    token = (await anna.get("/studio/media")).csrf
    chosen = [("picture", str(one.id)) for one in (sea, hill, lake)]
    bert = await desk.logged_in("bert")
    theirs = [("csrf", (await bert.get("/studio/media")).csrf), ("sure", "1"), *chosen]
    assert (await bert.post("/studio/media/delete", theirs)).location.endswith("done=media_none")  # type: ignore[arg-type]
    asked = await anna.post("/studio/media/delete", [("csrf", token), *chosen])  # type: ignore[arg-type]
    assert "Delete 3 pictures for good?" in asked.text
    assert len(await kept(desk)) == 3
    done = await anna.post("/studio/media/delete", [("csrf", token), ("sure", "1"), *chosen])  # type: ignore[arg-type]
    assert done.location.endswith("done=media_some_deleted")
    assert {one.id for one in await kept(desk)} == {sea.id, lake.id}
