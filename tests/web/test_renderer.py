"""Templates: each one compiles, and is compiled once a process."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup, escape

from fedblog.config import make_settings
from fedblog.web.assets import Assets
from fedblog.web.i18n import speaking
from fedblog.web.renderer import Renderer, _Compiled
from tests.live import live_settings


def test_every_template_compiles_and_is_kept(tmp_path: Path) -> None:
    settings = live_settings(tmp_path, 1)
    names = Renderer(settings, Assets()).compile_all()
    assert "public/post.html" in names
    kept = dict(_Compiled._kept)
    assert len(kept) >= len(names)
    assert Renderer(settings, Assets()).compile_all() == names
    assert _Compiled._kept == kept


def test_what_templates_say_escapes_its_values(tmp_path: Path) -> None:
    page = (
        "{{ _('By %(name)s, 100 %%', name=name) }}"
        " {{ ngettext('%(num)s by %(name)s', '%(num)s: %(name)s', n, name=name) }}"
        " {{ _('5 %%') }}"
    )
    (tmp_path / "page.html").write_text(page, "utf-8")
    settings = make_settings(
        {"server": {"domain": "blog.example"}, "blog": {"templates_dir": str(tmp_path)}}, relative_to=tmp_path
    )
    renderer = Renderer(settings, Assets())
    with speaking("de"):
        for name in ("<img src=x onerror=alert(1)>", "\"'><script>", "%(num)s %s %", "{{ 7*7 }}"):
            said = renderer.html("page.html", name=name, n=2_310)
            assert said == f"By {escape(name)}, 100 % 2.310: {escape(name)} 5 %"
        assert renderer.html("page.html", name=Markup("<b>x</b>"), n=1) == "By <b>x</b>, 100 % 1 by <b>x</b> 5 %"
