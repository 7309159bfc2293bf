"""Settings: one frozen value made of defaults, a TOML file and the environment, in that order.

Every key has a description here; `config.example.toml` lists the same keys with the same defaults (a test holds both
equal). `FEDBLOG_SECTION__KEY` in the environment overrides a key of the file.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from fedblog.errors import ConfigError

ENV_PREFIX = "FEDBLOG_"


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where it listens and what it is called. `domain` is for ever: object ids are made of it."""

    domain: Annotated[str, Meta(description="Host in handles and ids (@name@DOMAIN). Empty: the host of base_url.")] = (
        ""
    )
    base_url: Annotated[
        str, Meta(description="Scheme, host and port readers use. Empty: https://DOMAIN. Never change it later.")
    ] = ""
    host: Annotated[str, Meta(description="Address to listen on; keep loopback behind a proxy.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on.")] = 8080
    workers: Annotated[
        int, Meta(ge=1, le=64, description="Processes that answer requests: up to one for each processor core.")
    ] = 1
    data_dir: Annotated[
        str, Meta(description="Database, media and the secret live here; relative to the config file.")
    ] = "data"
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="Networks whose X-Forwarded-For and -Proto are believed.")
    ] = ("127.0.0.0/8", "::1/128")


class Blog(Struct, frozen=True, forbid_unknown_fields=True):
    """What the blog is called."""

    handle: Annotated[
        str, Meta(pattern=r"^[a-z0-9_]{1,30}$", description="Name of the blog actor that announces every post.")
    ] = "blog"
    title: Annotated[str, Meta(max_length=200, description="Title on every page.")] = "A federated blog"
    tagline: Annotated[str, Meta(max_length=500, description="One line under the title.")] = ""
    language: Annotated[
        str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description="Default language of posts (BCP 47).")
    ] = "en"
    templates_dir: Annotated[
        str,
        Meta(
            description="Folder of Jinja2 templates that stand in for ours; relative to the config file. Empty: none."
        ),
    ] = ""
    posts_per_page: Annotated[int, Meta(ge=1, le=100, description="Posts on one page of a list.")] = 10
    lede_in_summary: Annotated[
        bool, Meta(description="Send an automatic lede as `summary` (some servers fold the text behind it).")
    ] = False
    websub_hub: Annotated[
        str, Meta(pattern=r"^(https?://\S+)?$", description="WebSub hub that is told when feeds change, as a URL.")
    ] = ""
    block_ai_crawlers: Annotated[
        bool, Meta(description="Ask crawlers that collect texts to train machines to stay away (robots.txt, headers).")
    ] = False
    show_followers: Annotated[
        bool, Meta(description="List followers in public collections; counts are always public.")
    ] = False


class DatabaseSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where everything is kept."""

    url: Annotated[str, Meta(description="Empty: SQLite in data_dir. Or postgresql://user@host/name.")] = ""


class Federation(Struct, frozen=True, forbid_unknown_fields=True):
    """How it talks to other servers."""

    allow_http: Annotated[bool, Meta(description="Accept http: ids and dial http: URLs (tests and intranets).")] = False
    allow_networks: Annotated[
        tuple[str, ...], Meta(description="Networks that may be dialled though they are not public (tests, intranets).")
    ] = ()
    user_agent_contact: Annotated[str, Meta(description="Contact address added to the User-Agent.")] = ""
    manually_approve_followers: Annotated[bool, Meta(description="Ask the author before a follow is accepted.")] = False
    authorized_fetch: Annotated[
        bool,
        Meta(description="Answer ActivityStreams only to servers that sign and are not blocked. Pages stay public."),
    ] = False
    counts_after: Annotated[
        tuple[int, ...],
        Meta(description="Seconds after a reply came at which its own server is asked for its likes and boosts."),
    ] = (600, 7_200, 21_600, 86_400)
    backfill_after: Annotated[
        tuple[int, ...],
        Meta(
            description="Seconds after a reply came at which other servers are asked for what is beside and below it."
        ),
    ] = (900, 3_600, 21_600, 86_400, 259_200)
    backfill_pause: Annotated[
        float, Meta(ge=0, le=60, description="Seconds between two such questions to one server.")
    ] = 1.0
    delivery_concurrency: Annotated[
        int, Meta(ge=1, le=2_000, description="Servers that are delivered to at once, as long as they answer.")
    ] = 256
    deliver: Annotated[bool, Meta(description="Run the delivery worker in this process.")] = True


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """How much anybody may ask of it."""

    inbox_per_minute: Annotated[int, Meta(ge=1, description="Inbox requests a minute from one address.")] = 600
    login_attempts: Annotated[int, Meta(ge=1, description="Failed log-ins per address and account in 15 minutes.")] = 10
    body_bytes: Annotated[int, Meta(ge=1024, description="Largest inbox body, in bytes.")] = 1_048_576
    searches_per_minute: Annotated[int, Meta(ge=1, description="Searches a minute from one address.")] = 60
    remote_lookups_per_minute: Annotated[
        int, Meta(ge=1, description='"From your server" look-ups a minute from one address.')
    ] = 20


class Comments(Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to replies before people see them."""

    hold_for_moderation: Annotated[
        Literal["none", "first", "all"],
        Meta(description="Hold replies until approved: none, the first of each person, or all."),
    ] = "none"
    hold_spam_points: Annotated[
        int, Meta(ge=0, le=100, description="Hold a stranger's reply that looks this much like spam. 0: never.")
    ] = 5


class MediaSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Pictures: what authors may upload, and what is kept of those from other servers."""

    max_bytes: Annotated[int, Meta(ge=10_000, le=100_000_000, description="Largest picture to upload, in bytes.")] = (
        10_485_760
    )
    max_total_bytes: Annotated[
        int, Meta(ge=0, description="All uploaded pictures together, as they are kept, in bytes.")
    ] = 10_737_418_240
    remote_avatars: Annotated[
        bool,
        Meta(description="Show avatars from other servers, fetched by this one. Otherwise their initials."),
    ] = True
    avatar_cache_bytes: Annotated[
        int, Meta(ge=1_000_000, description="How much of those avatars is kept, in bytes.")
    ] = 209_715_200
    remote_emoji: Annotated[
        bool,
        Meta(description="Show custom emoji of other servers as pictures, fetched by this one. Otherwise :name:."),
    ] = True
    emoji_cache_bytes: Annotated[int, Meta(ge=1_000_000, description="How much of those emoji is kept, in bytes.")] = (
        104_857_600
    )
    remote_media: Annotated[
        Literal["click", "link", "off"],
        Meta(
            description="Pictures in replies. click: in the page when a reader opens them, fetched by this server"
            " then. link: only a link to their own server. off: neither."
        ),
    ] = "click"
    remote_media_bytes: Annotated[
        int, Meta(ge=100_000, le=20_000_000, description="Largest picture in a reply to show, in bytes.")
    ] = 8_388_608
    remote_media_cache_bytes: Annotated[
        int, Meta(ge=1_000_000, description="How much of those pictures is kept, in bytes.")
    ] = 1_073_741_824


class Mail(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """The mail server that notifications to authors go through. Without `host` no mail is sent."""

    host: Annotated[str, Meta(description="Name of the SMTP server. Empty: no mail.")] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="587 for starttls, 465 for tls.")] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"], Meta(description="none only for a server on this machine or network.")
    ] = "starttls"
    user: Annotated[str, Meta(description="Log-in there. Empty: none.")] = ""
    password: Annotated[str, Meta(description="Better kept in the environment, as FEDBLOG_MAIL__PASSWORD.")] = ""
    from_: Annotated[str, Meta(description="Sender, address or Name <address>. Empty: fedblog@DOMAIN.")] = ""
    timeout: Annotated[float, Meta(gt=0, le=300, description="Seconds to wait for it.")] = 30.0


class Privacy(Struct, frozen=True, forbid_unknown_fields=True):
    """How long what is known of people of other servers is kept."""

    forget_unused_after_days: Annotated[
        int,
        Meta(
            ge=0,
            le=36_500,
            description="Days after which profiles go of people who left nothing here, or are gone. 0: never.",
        ),
    ] = 180


class Logging(Struct, frozen=True, forbid_unknown_fields=True):
    """What it writes to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least level that is logged.")] = (
        "info"
    )
    format: Annotated[Literal["auto", "text", "json"], Meta(description="auto: text on a terminal, else json.")] = (
        "auto"
    )


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings; made by `load_settings` only, so that derived values are filled and checked."""

    server: Server = Server()
    blog: Blog = Blog()
    database: DatabaseSettings = DatabaseSettings()
    federation: Federation = Federation()
    limits: Limits = Limits()
    comments: Comments = Comments()
    media: MediaSettings = MediaSettings()
    mail: Mail = Mail()
    privacy: Privacy = Privacy()
    logging: Logging = Logging()

    @property
    def base_url(self) -> str:
        """Scheme and host of every page and id, without a trailing slash."""
        return self.server.base_url

    @property
    def domain(self) -> str:
        """The host part of handles."""
        return self.server.domain

    @property
    def authority(self) -> str:
        """host[:port] of base_url: what `Host` must say."""
        return urlsplit(self.server.base_url).netloc.lower()

    @property
    def data_dir(self) -> Path:
        """Absolute data directory."""
        return Path(self.server.data_dir)

    @property
    def user_agent(self) -> str:
        """What outgoing requests say (OUT-07), without the version."""
        contact = f"; {self.federation.user_agent_contact}" if self.federation.user_agent_contact else ""
        return f"(+{self.base_url}/{contact})"


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Settings from a TOML file (None: defaults only) and the environment.

    Raises `ConfigError` naming the key, the value and the fix.
    """
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise ConfigError(f"{path}: no such file; make one with `fedblog init`") from None
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{path}: can't be read: {exc}") from None
        except tomllib.TOMLDecodeError as exc:
            raise ConfigError(f"{path}: not valid TOML: {exc}") from None
    _check_names(raw)
    _apply_environ(raw, environ)
    return make_settings(raw, relative_to=path.parent if path is not None else Path.cwd())


def make_settings(raw: Mapping[str, Any], *, relative_to: Path) -> Settings:
    """Settings from a nested mapping of sections, checked and with the derived values filled in."""
    _check_names(raw)
    try:
        settings = msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(_explain(exc, raw)) from None
    server = _derive_server(settings, relative_to)
    return msgspec.structs.replace(settings, server=server, blog=_derive_blog(settings.blog, relative_to))


def _derive_server(settings: Settings, relative_to: Path) -> Server:
    server = settings.server
    if any(char in server.domain for char in "/@ "):
        raise ConfigError(f'server.domain = "{server.domain}": write the host name only, e.g. "blog.example"')
    base_url = server.base_url.rstrip("/") or (f"https://{server.domain}" if server.domain else "")
    if not base_url:
        raise ConfigError('server.domain is empty: set it to the host name of the blog, e.g. domain = "blog.example"')
    parts, host = urlsplit(base_url), ""
    if parts.scheme in ("http", "https") and not (parts.path or parts.query or parts.fragment or "@" in parts.netloc):
        host = _as_browsers_say(parts.netloc, parts.scheme)
    if not host:
        raise ConfigError(
            f'server.base_url = "{server.base_url}": write scheme and host only, e.g. "https://blog.example"'
        )
    if parts.scheme == "http" and not settings.federation.allow_http:
        raise ConfigError(
            f'server.base_url = "{server.base_url}": plain http needs federation.allow_http = true (tests, intranets)'
        )
    base_url = f"{parts.scheme}://{host}"
    domain = _as_browsers_say(server.domain, parts.scheme) if server.domain else host
    data_dir = (relative_to / server.data_dir).resolve()
    return msgspec.structs.replace(server, base_url=base_url, domain=domain, data_dir=str(data_dir))


def _as_browsers_say(netloc: str, scheme: str) -> str:
    """A host as browsers and other servers write it: small letters, ASCII, no port that goes without saying; else
    nobody's `Origin`, `Host` or passkey would fit. "" for what is none."""
    try:
        parts = urlsplit(f"//{netloc}")
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError:
        return ""
    host = f"[{host}]" if ":" in host else host
    return host if not host or port in (None, {"https": 443, "http": 80}[scheme]) else f"{host}:{port}"


def _derive_blog(blog: Blog, relative_to: Path) -> Blog:
    if not blog.templates_dir:
        return blog
    folder = (relative_to / blog.templates_dir).resolve()
    if not folder.is_dir():
        raise ConfigError(
            f'blog.templates_dir = "{blog.templates_dir}": there is no such folder; make it, or leave it ""'
        )
    return msgspec.structs.replace(blog, templates_dir=str(folder))


def settings_sections() -> dict[str, dict[str, tuple[Any, str]]]:
    """`{section: {key: (default, description)}}` of everything that can be set, for help texts and checks."""
    sections: dict[str, dict[str, tuple[Any, str]]] = {}
    for section in msgspec.structs.fields(Settings):
        keys: dict[str, tuple[Any, str]] = {}
        for key in msgspec.structs.fields(type(section.default)):
            keys[key.encode_name] = (key.default, _description(key.type))
        sections[section.name] = keys
    return sections


def _description(annotated: Any) -> str:
    metas = (meta for meta in getattr(annotated, "__metadata__", ()) if isinstance(meta, Meta))
    return next((meta.description for meta in metas if meta.description), "")


def _apply_environ(raw: dict[str, Any], environ: Mapping[str, str]) -> None:
    known = settings_sections()
    for name, value in environ.items():
        if not name.startswith(ENV_PREFIX) or "__" not in name:
            continue
        section, key = name[len(ENV_PREFIX) :].lower().split("__", 1)
        if section not in known or key not in known[section]:
            raise ConfigError(f"{name}: no such setting; see config.example.toml for the names")
        is_list = isinstance(known[section][key][0], tuple)
        raw.setdefault(section, {})[key] = (
            [part.strip() for part in value.split(",") if part.strip()] if is_list else value
        )


def _check_names(raw: Mapping[str, Any]) -> None:
    known = settings_sections()
    for section, keys in raw.items():
        if section not in known:
            raise ConfigError(f"[{section}]: no such section{_nearest(section, known)}")
        if not isinstance(keys, Mapping):
            raise ConfigError(f"{section} = {keys!r}: write it as a section, [{section}]")
        for key in keys:
            if key not in known[section]:
                raise ConfigError(f"{section}.{key}: no such key{_nearest(key, known[section])}")


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; known are: {', '.join(known)}"


def _explain(exc: msgspec.ValidationError, raw: Mapping[str, Any]) -> str:
    """msgspec says "Expected `int`, got `str` - at `$.server.port`"; people want `server.port = "x": …`."""
    problem, _, where = str(exc).partition(" - at `$.")
    section, _, key = where.rstrip("`").partition(".")
    key = key.partition("[")[0]
    value = raw.get(section, {}).get(key) if isinstance(raw.get(section), Mapping) else None
    return f"{section}.{key} = {value!r}: {problem[:1].lower()}{problem[1:]}; see config.example.toml"
