"""The one Jinja environment: made and compiled at start, autoescaping always on, a missing name is an error."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fedblog.config import Settings
from fedblog.web.assets import Assets
from fedblog.web.filters import FILTERS
from fedblog.web.fragments import Fragments
from fedblog.web.pictures import avatar_source, own_pictures, picture_tag


class Renderer:
    """Turns a template's name and values into HTML text. Safe to use from threads."""

    def __init__(self, settings: Settings, assets: Assets) -> None:
        self.assets = assets
        self.fragments = Fragments()
        self._environment = Environment(
            loader=PackageLoader("fedblog", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            cache_size=-1,
        )
        self._environment.filters.update(FILTERS, own_pictures=own_pictures(settings.base_url))
        self._environment.globals.update(
            site=settings.blog,
            base_url=settings.base_url,
            domain=settings.domain,
            blog_handle=f"@{settings.blog.handle}@{settings.domain}",
            static=assets.url,
            avatar_source=avatar_source(settings),
            picture=picture_tag(settings.base_url),
        )
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def html(self, template: str, **context: Any) -> str:
        """The finished page. `session` and `path` are always there for templates; None and "" unless given."""
        return self._environment.get_template(template).render({"session": None, "path": "", **context})
