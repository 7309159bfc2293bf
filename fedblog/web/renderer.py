"""The one Jinja environment: autoescaping always on, a missing name is an error.

A template is compiled when it is first needed, once a process: compiling all of them took half of the start.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, ClassVar

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
)
from jinja2.bccache import Bucket
from jinja2.ext import Extension

from fedblog.config import Settings
from fedblog.storage.database import Database, Event
from fedblog.web.assets import Assets
from fedblog.web.drawn_rows import DrawnRows, recipe_of
from fedblog.web.filters import FILTERS, bdi, name_link
from fedblog.web.fragments import Fragments
from fedblog.web.i18n import comma, current, direction, gettext, known, ngettext
from fedblog.web.looks.current import CurrentLook
from fedblog.web.menu import Menu
from fedblog.web.pictures import EmojiPictures, attached_to, avatar_source, own_pictures, picture_tag
from fedblog.web.saying import say, say_number
from fedblog.web.standing import Standing


class _WithoutIndents(Extension):
    """Templates are indented for people; browsers get the lines without. Costs nothing where pages are made."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """No line of ours stands in a `<pre>` or in a string over several lines."""
        return re.sub(r"\n\s*\n", "\n", re.sub(r"(?m)^[ \t]+", "", source))


class _Compiled(BytecodeCache):
    """Compiled templates, by a key that holds name and text: applications of one process share them."""

    _kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Put what is kept into the bucket."""
        if bucket.key + bucket.checksum in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._kept[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


def _loader(settings: Settings) -> BaseLoader:
    """Our templates; a file of the same name in `templates_dir` stands in for ours."""
    ours = PackageLoader("fedblog", "templates")
    if not settings.blog.templates_dir:
        return ours
    # `our/NAME` is ours in any case, so that a file can extend what it stands in for.
    theirs = FileSystemLoader(settings.blog.templates_dir)
    return ChoiceLoader([theirs, ours, PrefixLoader({"our": ours})])


def _local(base_url: str) -> Callable[[str], str]:
    """A filter: the path of an address on this site, any other address as it is; paths are half as long."""
    return lambda url: url.removeprefix(base_url) or "/"


class Renderer:
    """Turns a template's name and values into HTML text. Safe to use from threads."""

    def __init__(self, settings: Settings, assets: Assets) -> None:
        self.assets = assets
        self.settings = settings
        self.fragments = Fragments()
        self.standing = Standing()
        self.rows = DrawnRows(
            lambda: recipe_of([*self._sources(), repr(settings.blog), repr(settings.media), settings.base_url])
        )
        self.look = CurrentLook()
        self.menu = Menu()
        self._frame: tuple[object, str] = (None, "")
        self._environment = Environment(
            loader=_loader(settings),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
            bytecode_cache=_Compiled(),
            extensions=["jinja2.ext.i18n", _WithoutIndents],
        )
        # Put there by the extension, which mypy can't see.
        self._environment.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
        emoji = EmojiPictures(settings)
        self._environment.globals.update({"_": say, "gettext": say, "ngettext": say_number})
        self._environment.filters.update(
            FILTERS,
            own_pictures=own_pictures(settings.base_url),
            local=_local(settings.base_url),
            emoji=emoji.text,
            emoji_html=emoji.html,
            signs=emoji.signs,
        )
        self._environment.globals.update(
            site=settings.blog,
            base_url=settings.base_url,
            domain=settings.domain,
            direction=direction,
            comma=comma,
            blog_handle=f"@{settings.blog.handle}@{settings.domain}",
            static=assets.url,
            look=self.look,
            menu=self.menu,
            avatar_source=avatar_source(settings),
            name_of=emoji.name_of,
            attached_to=attached_to(settings),
            picture=picture_tag(settings.base_url),
            _bdi=bdi,
            _link=name_link,
        )

    @property
    def version(self) -> tuple[object, object]:
        """Changes with what stands around the content of every page."""
        return self.look.version, self.menu.items

    @property
    def frame(self) -> str:
        """A name for what stands around the content of every page, as long as the program is the same."""
        look, items = self.version
        if self._frame[0] != (look, items):
            digest = hashlib.blake2b(
                repr((self.assets.version, look, items)).encode("utf-8", "replace"), digest_size=12
            )
            self._frame = ((look, items), digest.hexdigest())
        return self._frame[1]

    async def refresh(self, db: Database) -> None:
        """Look whether what stands around every page has changed."""
        await self.look.refresh(db)
        await self.menu.refresh(db)

    def on_event(self, event: Event) -> None:
        """Something changed here: no need to wait for the next look."""
        if event.kind == "settings":
            self.menu.forget()

    def compile_all(self) -> list[str]:
        """Compile every template now; their names. Raises `TemplateSyntaxError` for one that can't be."""
        names = self._environment.list_templates()
        for name in names:
            self._environment.get_template(name)
        return names

    def _sources(self) -> list[str]:
        """What readers' pages are made with: templates, those of the blog's own in place of ours, and translations."""
        loader = self._environment.loader
        names = [
            name for name in self._environment.list_templates() if name.startswith("public/") or name == "base.html"
        ]
        sources = [loader.get_source(self._environment, name)[0] for name in names] if loader is not None else []
        words = files("fedblog").joinpath("locales", f"{known(self.settings.blog.language)}.po")
        return [*sources, words.read_text("utf-8")] if words.is_file() else sources

    def html(self, template: str, **context: Any) -> str:
        """The finished page. `session` and `path` are always there for templates; None and "" unless given."""
        values = {"session": None, "path": "", "ui_language": current(), **context}
        return self._environment.get_template(template).render(values)
