"""Settings: defaults, file, environment, and mistakes that name the key, the value and the fix."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fedblog.config import Settings, load_settings, make_settings, settings_sections
from fedblog.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]


def settings(**sections: dict[str, Any]) -> Settings:
    return make_settings({"server": {"domain": "blog.example"}, **sections}, relative_to=Path("/srv"))


def test_example_file_lists_every_key_with_its_default() -> None:
    text = (ROOT / "config.example.toml").read_text("utf-8")
    active = tomllib.loads(re.sub(r"^#(\w+ = )", r"\1", text, flags=re.MULTILINE))
    expected = {
        section: {key: list(default) if isinstance(default, tuple) else default for key, (default, _) in keys.items()}
        for section, keys in settings_sections().items()
    }
    assert active == expected


def test_example_file_is_valid_as_it_is() -> None:
    assert tomllib.loads((ROOT / "config.example.toml").read_text("utf-8")) == {
        name: {} for name in settings_sections()
    }


def test_every_key_says_what_it_does() -> None:
    for section, keys in settings_sections().items():
        for key, (_, description) in keys.items():
            assert description.endswith("."), f"{section}.{key}"


def test_derived_values() -> None:
    made = settings()
    assert (made.base_url, made.domain, made.authority) == ("https://blog.example", "blog.example", "blog.example")
    assert made.data_dir == Path("/srv/data")


def test_local_use_with_a_port() -> None:
    made = make_settings(
        {"server": {"base_url": "http://127.0.0.1:8080/"}, "federation": {"allow_http": True}}, relative_to=Path("/srv")
    )
    assert (made.base_url, made.domain) == ("http://127.0.0.1:8080", "127.0.0.1:8080")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Blog.Example:443/", "blog.example"),
        ("https://b\u00fccher.example", "xn--bcher-kva.example"),
        ("https://blog.example:8443", "blog.example:8443"),
        ("https://[::1]:443", "[::1]"),
    ],
)
def test_the_address_is_written_as_browsers_write_it(written: str, meant: str) -> None:
    """Their `Origin` and `Host` have to fit, or nobody could log in."""
    made = make_settings({"server": {"base_url": written}}, relative_to=Path("/srv"))
    assert (made.base_url, made.domain, made.authority) == (f"https://{meant}", meant, meant)
    split = make_settings({"server": {"base_url": written, "domain": "\u00fc.Example"}}, relative_to=Path("/srv"))
    assert split.domain == "xn--tda.example"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"server": {}}, "server.domain is empty"),
        ({"server": {"domain": "b.example", "prot": 1}}, "server.prot: no such key; did you mean `port`?"),
        ({"sever": {}}, "[sever]: no such section; did you mean `server`?"),
        ({"server": {"domain": "b.example", "port": "x"}}, "server.port = 'x': expected `int`"),
        ({"server": {"domain": "b.example", "port": 70_000}}, "server.port = 70000"),
        ({"server": {"domain": "b.example"}, "blog": {"handle": "My Blog"}}, "blog.handle = 'My Blog'"),
        ({"server": {"domain": "b.example"}, "comments": {"hold_for_moderation": "x"}}, "hold_for_moderation = 'x'"),
        ({"server": {"base_url": "http://b.example"}}, "needs federation.allow_http = true"),
        ({"server": {"base_url": "https://b.example/blog"}}, "write scheme and host only"),
        ({"server": {"base_url": "https://ana@b.example"}}, "write scheme and host only"),
        ({"server": {"base_url": "https://b.example#x"}}, "write scheme and host only"),
        ({"server": {"base_url": "https://b.example:x"}}, "write scheme and host only"),
        ({"server": {"domain": "https://b.example"}}, "server.domain"),
        ({"server": 3}, "write it as a section"),
    ],
)
def test_mistakes_name_the_key(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        make_settings(raw, relative_to=Path("/srv"))


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[server]\ndomain = "file.example"\nport = 1\n', "utf-8")
    made = load_settings(
        file,
        {"FEDBLOG_SERVER__PORT": "99", "FEDBLOG_FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8, 10.0.0.0/8", "OTHER": "x"},
    )
    assert (made.domain, made.server.port) == ("file.example", 99)
    assert made.federation.allow_networks == ("127.0.0.0/8", "10.0.0.0/8")


def test_unknown_environment_name_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="FEDBLOG_SERVER__PROT"):
        load_settings(None, {"FEDBLOG_SERVER__DOMAIN": "b.example", "FEDBLOG_SERVER__PROT": "1"})


def test_file_problems_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_settings(tmp_path / "none.toml", {})
    broken = tmp_path / "broken.toml"
    broken.write_text("[server\n", "utf-8")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings(broken, {})


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        settings().server.port = 1  # type: ignore[misc]
    assert msgspec.structs.replace(settings().server, port=1).port == 1
