"""WebFinger, host-meta and NodeInfo, ours and others'."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitypub import discovery as d
from fedblog.errors import InvalidInput, Refused
from tests.activitypub.make import AUTHOR, BASE, IDS, actor, settings
from tests.shared import capture, capture_names, fixture, needs_shared

COUNT = {"type": "integer", "minimum": 0}


def nodeinfo_schema(version: str) -> dict[str, Any]:
    """The essentials of the NodeInfo 2.0 and 2.1 schemas."""
    software: dict[str, Any] = {
        "type": "object",
        "required": ["name", "version"],
        "additionalProperties": False,
        "properties": {"name": {"type": "string", "pattern": "^[a-z0-9-]+$"}, "version": {"type": "string"}},
    }
    users = {"total": COUNT, "activeHalfyear": COUNT, "activeMonth": COUNT}
    usage = {
        "type": "object",
        "required": ["users"],
        "additionalProperties": False,
        "properties": {
            "users": {"type": "object", "additionalProperties": False, "properties": users},
            "localPosts": COUNT,
            "localComments": COUNT,
        },
    }
    names = {"type": "array", "items": {"type": "string"}}
    properties = {
        "version": {"enum": [version]},
        "software": software,
        "protocols": {"type": "array", "minItems": 1, "items": {"enum": ["activitypub", "diaspora", "ostatus"]}},
        "services": {
            "type": "object",
            "required": ["inbound", "outbound"],
            "properties": {"inbound": names, "outbound": names},
        },
        "openRegistrations": {"type": "boolean"},
        "usage": usage,
        "metadata": {"type": "object"},
    }
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}


@pytest.mark.parametrize(
    ("text", "name", "host"),
    [
        ("@ana@blog.example", "ana", "blog.example"),
        ("acct:ana@blog.example", "ana", "blog.example"),
        ("ana@blog.example", "ana", "blog.example"),
        ("  @Ana@BLOG.Example ", "Ana", "blog.example"),
        ("ana@127.0.0.1:8080", "ana", "127.0.0.1:8080"),
        ("@blog.example@blog.example", "blog.example", "blog.example"),
        ("ana@bücher.example", "ana", "xn--bcher-kva.example"),
        ("ana@blog.example:443", "ana", "blog.example"),
    ],
)
def test_DISC_02_handles_in_all_spellings(text: str, name: str, host: str) -> None:
    assert d.parse_acct(text) == d.Handle(name, host)
    assert d.parse_acct(text).acct == f"acct:{name}@{host}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ana",
        "@ana",
        "ana@",
        "@@blog.example",
        "ana@blog.example@evil.example",
        "ana@blog.example/path",
        "ana@blog.example?x",
        "ana@blog.example#x",
        "a na@blog.example",
        "ana@blog example",
        "ana@blog.example:0",
        "ana@blog.example:99999",
        "https://blog.example/@ana",
        "acct:acct:ana@blog.example",
        "ana@[::1",
        "a" * 65 + "@blog.example",
        "ana@blog.example\r\n",
        "анна@blog.example",
    ],
)
def test_DISC_03_what_is_no_handle_is_refused(text: str) -> None:
    if text.strip() == "ana@blog.example":
        assert d.parse_acct(text).host == "blog.example"
        return
    with pytest.raises(InvalidInput) as caught:
        d.parse_acct(text)
    assert caught.value.reason == "handle_invalid"


@given(st.text(max_size=60))
def test_arbitrary_text_is_a_handle_or_invalid(text: str) -> None:
    for candidate in (text, f"ana@{text}", f"{text}@blog.example"):
        try:
            handle = d.parse_acct(candidate)
        except InvalidInput:
            continue
        assert d.parse_acct(handle.acct) == handle


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("acct:ana@blog.example", "ana"),
        ("acct:ANA@Blog.Example", "ANA"),
        ("@ana@blog.example", "ana"),
        ("acct%3Aana%40blog.example", "ana"),
        (f"{BASE}/@ana", "ana"),
        (f"{BASE}/ap/actors/ana", "ana"),
        (f"{BASE}/ap/instance", "blog.example"),
        ("acct:blog.example@blog.example", "blog.example"),
        ("acct:ana@other.example", None),
        (f"{BASE}/@ana/friendship", None),
        (f"{BASE}/ap/posts/7", None),
        ("https://other.example/@ana", None),
    ],
)
def test_DISC_02_DISC_03_resources(resource: str, name: str | None) -> None:
    assert d.local_name(resource, ids=IDS, settings=settings()) == name


@pytest.mark.parametrize("resource", ["", "ana", "acct:", "acct:ana", "http://", "ftp://blog.example/x", "mailto:x"])
def test_DISC_03_malformed_resources(resource: str) -> None:
    with pytest.raises(InvalidInput):
        d.local_name(resource, ids=IDS, settings=settings())


def test_DISC_01_DISC_04_the_jrd_of_an_author() -> None:
    jrd = d.webfinger_jrd(AUTHOR, ids=IDS, settings=settings())
    assert jrd["subject"] == "acct:ana@blog.example"
    assert jrd["aliases"] == [f"{BASE}/@ana", AUTHOR.uri]
    by_rel = {link["rel"]: link for link in jrd["links"]}
    assert len(by_rel) == len(jrd["links"])
    assert by_rel["self"] == {"rel": "self", "type": "application/activity+json", "href": AUTHOR.uri}
    assert by_rel[d.REL_PROFILE_PAGE] == {"rel": d.REL_PROFILE_PAGE, "type": "text/html", "href": f"{BASE}/@ana"}
    assert by_rel[d.REL_AVATAR]["href"] == AUTHOR.icon_url
    assert "{uri}" in by_rel[d.REL_SUBSCRIBE]["template"]
    instance = actor("instance", "blog.example", icon_url="")
    rels = [link["rel"] for link in d.webfinger_jrd(instance, ids=IDS, settings=settings())["links"]]
    assert rels == ["self", d.REL_PROFILE_PAGE]


def test_DISC_05_our_own_jrd_leads_back_to_the_actor() -> None:
    read = d.read_jrd(d.webfinger_jrd(AUTHOR, ids=IDS, settings=settings()))
    assert read.self_href == AUTHOR.uri
    assert read.handle == d.Handle("ana", "blog.example")
    assert read.profile_page == AUTHOR.url


@needs_shared
@pytest.mark.parametrize("name", [name for name in capture_names() if "doc-webfinger" in name])
def test_DISC_07_captured_jrds_are_read(name: str) -> None:
    document = capture(name)["response"]["body_json"]
    read = d.read_jrd(document)
    own = [link["href"] for link in document["links"] if link["rel"] == "self"]
    assert read.self_href == own[0]
    assert read.handle is not None
    assert read.handle.acct == document["subject"]
    assert read.profile_page


@needs_shared
def test_DISC_07_a_spoofed_subject_is_there_to_be_compared() -> None:
    read = d.read_jrd(fixture("attack-webfinger-spoofed-subject"))
    assert read.handle == d.Handle("trump", "whitehouse.gov")
    assert read.self_href == "https://gleasonator.com/users/alex"
    split = d.read_jrd(fixture("pleroma-webfinger-split-domain"))
    assert split.subject.startswith("acct:")


@needs_shared
def test_DISC_15_intents_and_templates() -> None:
    read = d.read_jrd(fixture("fep3b86-jrd-webfinger-intents"))
    assert set(read.intents) == {"Object", "Create"}
    filled = d.fill_template(read.intents["Object"], {"object": f"{BASE}/ap/posts/7?a=1&b=2"})
    assert filled == (
        "https://mastodon.example/authorize_interaction?uri=https%3A%2F%2Fblog.example%2Fap%2Fposts%2F7%3Fa%3D1%26b%3D2"
    )
    assert d.fill_template("https://m.example/?x={unknown}", {}) == "https://m.example/?x="
    assert read.subscribe_template.endswith("{uri}")


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert('{uri}')",
        "//m.example/{uri}",
        "https://{uri}/x",
        "https://m.example{uri}/x",
        "https://u@m.example/{uri}",
        5,
        None,
    ],
)
def test_DISC_15_templates_that_lead_elsewhere_are_dropped(template: object) -> None:
    links = [{"rel": d.REL_SUBSCRIBE, "template": template}, {"rel": f"{d.REL_INTENT}Object", "template": template}]
    read = d.read_jrd({"subject": "acct:a@m.example", "links": links})
    assert (read.subscribe_template, read.intents) == ("", {})


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=10) | st.sampled_from(["self", "https://a.example/", "{uri}"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["subject", "links", "rel", "href", "type", "template"]), inner)
        ),
        max_leaves=15,
    )
)
def test_DISC_07_arbitrary_json_is_a_jrd_or_refused(document: Any) -> None:
    try:
        assert d.read_jrd(document).handle is None or isinstance(document, dict)
    except Refused:
        assert not isinstance(document, dict)


def test_DISC_08_host_meta_in_both_forms() -> None:
    root = ET.fromstring(d.host_meta_xml(BASE))
    links = root.findall("{http://docs.oasis-open.org/ns/xri/xrd-1.0}Link")
    template = f"{BASE}/.well-known/webfinger?resource={{uri}}"
    assert [link.attrib["template"] for link in links if link.attrib["rel"] == "lrdd"] == [template]
    assert d.host_meta_json(BASE)["links"][0]["template"] == template


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_DISC_09_nodeinfo_is_valid(version: d.NodeinfoVersion) -> None:
    made = d.nodeinfo(
        version=version,
        software_version="1.0.0",
        users_total=2,
        users_active_month=1,
        users_active_halfyear=2,
        posts=5,
        comments=9,
        metadata={"x": 1},
    )
    jsonschema.validate(made, nodeinfo_schema(version))
    assert made["software"]["name"] == "fedblog"
    assert made["protocols"] == ["activitypub"]
    assert (made["usage"]["localPosts"], made["usage"]["localComments"]) == (5, 9)
    assert d.nodeinfo_content_type(version).endswith(f'/schema/{version}#"')


@needs_shared
def test_DISC_09_DISC_10_nodeinfo_links_are_like_the_model() -> None:
    model = fixture("fep2677-jrd-nodeinfo")
    made = d.nodeinfo_links(BASE)
    assert [link["rel"] for link in made["links"]] == [link["rel"] for link in model["links"]]
    assert made["links"][:2] == model["links"][:2]
    assert made["links"][2]["href"] == IDS.instance()
