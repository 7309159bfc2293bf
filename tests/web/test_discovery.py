"""WebFinger, host-meta, NodeInfo over real HTTP (PROTOCOL A)."""

from __future__ import annotations

import json
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from fedblog.storage import actors
from tests.live import Live
from tests.samples import make_author, make_post


async def webfinger(live: Live, resource: str) -> tuple[int, dict[str, object]]:
    answer = await live.get(
        f"/.well-known/webfinger?resource={quote(resource, safe='')}", accept="application/jrd+json"
    )
    return answer.status, json.loads(answer.body)


async def test_DISC_01_name_compares_without_case_and_subject_is_canonical(live: Live) -> None:
    await make_author(live.services)
    domain = live.services.settings.domain
    answer = await live.get(f"/.well-known/webfinger?resource=acct:ANA@{domain}")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/jrd+json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(answer.body)["subject"] == f"acct:ana@{domain}"


async def test_DISC_02_every_spelling_gives_the_same_document(live: Live) -> None:
    await make_author(live.services)
    domain, base = live.services.settings.domain, live.base_url
    spellings = [
        f"acct:ana@{domain}",
        f"@ana@{domain}",
        f"ana@{domain}",
        f"{base}/@ana",
        f"{base}/ap/actors/ana",
    ]
    documents = [await webfinger(live, spelling) for spelling in spellings]
    assert all(found == documents[0] for found in documents)
    raw = await live.get(f"/.well-known/webfinger?resource=acct:ana@{domain}")
    assert json.loads(raw.body) == documents[0][1]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?resource=", 400),
        ("?resource=nonsense", 400),
        ("?resource=acct:nobody@{domain}", 404),
        ("?resource=acct:ana@elsewhere.example", 404),
        ("?resource={base}/@ana/first-light", 404),
    ],
)
async def test_DISC_03_missing_and_unknown_resources(live: Live, query: str, status: int) -> None:
    account = await make_author(live.services)
    await make_post(live.services, account.actor_id)
    settings = live.services.settings
    path = "/.well-known/webfinger" + query.format(domain=settings.domain, base=settings.base_url)
    answer = await live.get(path)
    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_DISC_04_DISC_05_the_chain_from_actor_to_webfinger_closes(live: Live) -> None:
    await make_author(live.services)
    actor = json.loads((await live.get("/ap/actors/ana")).body)
    status, document = await webfinger(live, f"acct:{actor['preferredUsername']}@{live.services.settings.domain}")
    assert status == 200
    links = document["links"]
    assert isinstance(links, list)
    selves = [link for link in links if link["rel"] == "self" and link["type"] == "application/activity+json"]
    assert [link["href"] for link in selves] == [actor["id"]]
    assert {"http://webfinger.net/rel/profile-page", "http://ostatus.org/schema/1.0/subscribe"} <= {
        link["rel"] for link in links
    }
    assert set(document["aliases"]) == {actor["id"], actor["url"]}  # type: ignore[call-overload]


async def test_DISC_08_host_meta_names_webfinger(live: Live) -> None:
    xml = await live.get("/.well-known/host-meta")
    assert xml.headers["Content-Type"].startswith("application/xrd+xml")
    link = ElementTree.fromstring(xml.body)[0]
    template = f"{live.base_url}/.well-known/webfinger?resource={{uri}}"
    assert link.attrib["template"] == template
    document = json.loads((await live.get("/.well-known/host-meta.json")).body)
    assert [found["template"] for found in document["links"]] == [template]


@pytest.mark.parametrize("version", ["2.0", "2.1"])
async def test_DISC_09_DISC_10_nodeinfo_counts(live: Live, version: str) -> None:
    account = await make_author(live.services)
    await make_post(live.services, account.actor_id)
    links = json.loads((await live.get("/.well-known/nodeinfo")).body)["links"]
    hrefs = {link["rel"]: link["href"] for link in links}
    assert hrefs["https://www.w3.org/ns/activitystreams#Application"] == live.services.ids.instance()
    answer = await live.get(hrefs[f"http://nodeinfo.diaspora.software/ns/schema/{version}"])
    expected = f'application/json; profile="http://nodeinfo.diaspora.software/ns/schema/{version}#"'
    assert answer.headers["Content-Type"] == expected
    document = json.loads(answer.body)
    assert document["software"]["name"] == "fedblog"
    assert document["protocols"] == ["activitypub"]
    assert document["usage"]["users"] == {"total": 1, "activeMonth": 1, "activeHalfyear": 1}
    assert document["usage"]["localPosts"] == 1


async def test_DISC_11_the_origin_itself_is_the_instance_actor(live: Live) -> None:
    status, document = await webfinger(live, f"{live.base_url}/")
    instance = await live.services.db.read(actors.instance)
    assert status == 200
    assert instance.uri in document["aliases"]  # type: ignore[operator]


async def test_nodeinfo_of_another_version_is_not_found(live: Live) -> None:
    assert (await live.get("/nodeinfo/1.0")).status == 404


async def test_password_managers_are_led_to_the_studio(live: Live) -> None:
    answer = await live.get("/.well-known/change-password")
    assert (answer.status, answer.headers["Location"]) == (302, "/studio/account")
