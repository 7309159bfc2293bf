"""The words of all pages, and what the translators made of them.

`python -m tests.translations --update` collects the words into `fedblog/locales/*.po`; without `--update` it only says
what is missing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from fedblog.web.i18n import ENGLISH, LANGUAGES

PACKAGE = Path(__file__).resolve().parents[1] / "fedblog"
LOCALES = PACKAGE / "locales"
PLACEHOLDER = re.compile(r"%(?:\(\w+\)[sd]|%)")
MARKUP = re.compile(r"</?[a-z][^>]*>")
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2.ext:babel_extract")]
_OPTIONS = {"**/templates/**.html": {"newstyle_gettext": "true", "trimmed": "true", "silent": "false"}}
_KEYWORDS = {"_": None, "gettext": None, "later": None, "ngettext": (1, 2)}
# A fixed date: a file changes only when its words do.
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)

TRANSLATED = tuple(language for language in LANGUAGES if language != ENGLISH)


def words() -> Catalog:
    """Every message of templates and code, in the order of the files."""
    catalog = Catalog(project="fedblog", charset="utf-8")
    found = extract_from_dir(PACKAGE, _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=("Translators:",))
    for file, _, message, comments, _ in sorted(found, key=lambda one: (one[0], one[1])):
        catalog.add(message, locations=[(f"fedblog/{file}", 0)], auto_comments=comments)
    return catalog


def path_of(language: str) -> Path:
    """Where a language's translations are."""
    return LOCALES / f"{language}.po"


def read(language: str) -> Catalog:
    """A language's translations; an empty catalogue where there is no file yet."""
    if not path_of(language).exists():
        return Catalog(locale=language, charset="utf-8")
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> None:
    """Add what is new, drop what is gone; never guess."""
    catalog = read(language)
    catalog.update(words(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    catalog.fuzzy = False
    catalog.header_comment = f"# fedblog in {catalog.locale.english_name}." if catalog.locale else "# fedblog"
    catalog.project, catalog.version, catalog.msgid_bugs_address = "fedblog", "1", ""
    catalog.last_translator, catalog.language_team = "", ""
    catalog.creation_date, catalog.revision_date = _NO_DATE, _NO_DATE
    LOCALES.mkdir(exist_ok=True)
    with path_of(language).open("wb") as file:
        write_po(file, catalog, width=110, include_lineno=False, sort_by_file=True)


def problems(language: str) -> list[str]:
    """What is wrong with a language's translations, one line each."""
    there, wanted = read(language), words()
    found = [f"missing: {one.id!r}" for one in wanted if one.id and there.get(_key(one)) is None]
    for message in there:
        if message.id:
            found += _problems_of(message, wanted, there.num_plurals)
    return found


def _key(message: Message) -> str:
    return message.id[0] if isinstance(message.id, (list, tuple)) else message.id


def _problems_of(message: Message, wanted: Catalog, plurals: int) -> Iterator[str]:
    key = _key(message)
    if wanted.get(key) is None:
        yield f"no longer said: {key!r}"
        return
    if message.fuzzy:
        yield f"fuzzy: {key!r}"
    texts = [
        text or "" for text in (message.string if isinstance(message.string, (list, tuple)) else (message.string,))
    ]
    if not all(texts) or (message.pluralizable and len(texts) != plurals):
        yield f"not translated: {key!r}"
        return
    ids = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
    allowed = set(PLACEHOLDER.findall(" ".join(ids)))
    for text in texts:
        named = set(PLACEHOLDER.findall(text))
        # A form for one or none may leave the number out; nothing else may be left out or made up.
        if not named <= allowed or allowed - named - ({"%(num)s"} if message.pluralizable else set()):
            yield f"placeholders differ: {key!r}"
        if not set(MARKUP.findall(text)) <= set(MARKUP.findall(" ".join(ids))):
            yield f"markup that is not in the original: {key!r}"


if __name__ == "__main__":
    for name in TRANSLATED:
        if "--update" in sys.argv:
            update(name)
        wrong = problems(name)
        sys.stdout.write(f"{name}: {len(wrong)} problems\n" + "".join(f"  {line}\n" for line in wrong[:10]))
