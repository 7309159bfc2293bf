"""Words for people, in their language: every text that a page shows goes through `gettext` or `ngettext`.

In templates: `{{ _("Reply to %(name)s", name=actor.name) }}` and
`{{ ngettext("%(num)s like", "%(num)s likes", count) }}`; values are escaped there. In Python:
`gettext("Saved %(time)s") % {"time": …}`. Messages are English sentences, whole.

Public pages are in the blog's language, since they are kept for everybody; the studio and the log-in are in the
language that the browser asks for. Translations are `fedblog/locales/LANGUAGE.po` (docs/translating.md), read when
the language is first needed. `en-XA` is English that was made strange: what is not strange on a page can't be
translated (BCP 47 private use, as browsers and phones call it).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Final

ENGLISH: Final = "en"
PSEUDO: Final = "en-xa"
LANGUAGES: Final = ("en", "de", "fr", "es", "ja", "ar")
_RIGHT_TO_LEFT: Final = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})
_MAX_HEADER = 500
# As CLDR has it (a test compares); others write a comma.
_BETWEEN_THOUSANDS: Final = {"de": ".", "es": ".", "fr": "\u202f"}
_BETWEEN: Final = {"ar": "، ", "ja": "、"}

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def gettext(message: str) -> str:
    """The message in the reader's language."""
    language = _language.get()
    return message if language == ENGLISH else translations(language).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The form of the message that fits the number."""
    language = _language.get()
    if language == ENGLISH:
        return singular if number == 1 else plural
    return translations(language).ngettext(singular, plural, number)


def grouped(number: int) -> str:
    """A number as people write it in the reader's language: `2,310`, `2.310`."""
    text = f"{number:,}"
    return text.replace(",", _BETWEEN_THOUSANDS.get(_language.get(), ","))


def comma() -> str:
    """What stands between the parts of a list: a comma and a blank, or what the reader's language has for it."""
    return _BETWEEN.get(_language.get(), ", ")


def later(message: str) -> str:
    """The message as it is: marks one that is translated where it is shown, with `gettext`."""
    return message


def current() -> str:
    """The language of what is being answered, one of `LANGUAGES` or `PSEUDO`."""
    return _language.get()


def set_language(language: str) -> None:
    """For the rest of this request (a task of its own, and the threads that it asks)."""
    _language.set(language)


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """In this language for a while."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def known(tag: str) -> str:
    """The language that we have for a BCP 47 tag: `de` for `de-CH`; English where there is none."""
    tag = tag.lower().replace("_", "-")
    if tag == PSEUDO:
        return PSEUDO
    primary = tag.partition("-")[0]
    return primary if primary in LANGUAGES else ENGLISH


def preferred(accept_language: str, otherwise: str) -> str:
    """The first language of an `Accept-Language` header that we have (RFC 9110 12.5.4), by weight."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language[:_MAX_HEADER].split(",")):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if tag and 0 < quality <= 1:
            wishes.append((-quality, place, tag.strip()))
    for _, _, tag in sorted(wishes):
        found = known(tag)
        if found != ENGLISH or tag.lower().partition("-")[0] == ENGLISH:
            return found
    return otherwise


def direction(tag: str) -> str:
    """`rtl` or `ltr`, for the `dir` of a text in a language."""
    return "rtl" if tag.lower().replace("_", "-").partition("-")[0] in _RIGHT_TO_LEFT else "ltr"


@cache
def translations(language: str) -> NullTranslations:
    """The translations into a language; those that say everything in English where there are none."""
    if language == PSEUDO:
        return _Strange()
    source = files("fedblog").joinpath("locales", f"{language}.po")
    if not source.is_file():
        return NullTranslations()
    # Babel takes a while to load: only blogs and authors that speak another language need it.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)


class _Strange(NullTranslations):
    """Every message with accents and in brackets, a third longer: what stays plain was forgotten."""

    _letters = str.maketrans("aceinouyACEINOUY", "áçéîñöûýÁÇÉÎÑÖÛÝ")

    def gettext(self, message: str) -> str:
        return f"⟦{self._accents(message)}{'~' * (len(message) // 3)}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def _accents(self, message: str) -> str:
        """All but the placeholders `%(name)s`."""
        parts = message.split("%(")
        head = [parts[0].translate(self._letters)]
        for part in parts[1:]:
            name, mark, rest = part.partition(")s")
            head.append(f"%({name}{mark}{rest.translate(self._letters)}")
        return "".join(head)
