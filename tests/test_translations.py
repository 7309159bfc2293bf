"""Every language says everything, with all values, and nothing else."""

from __future__ import annotations

import pytest

from fedblog.web.i18n import LANGUAGES, PSEUDO, gettext, ngettext, speaking, translations
from tests.translations import TRANSLATED, problems, words


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_languages_translations_are_complete(language: str) -> None:
    assert problems(language) == [], "run: make messages, and translate what is new (docs/translating.md)"


def test_the_words_are_found() -> None:
    found = {one.id for one in words() if isinstance(one.id, str)}
    assert {"Undo", "Reply", "Leave a reply to %(name)s", "Nothing here"} <= found


def test_every_language_speaks() -> None:
    spoken = set()
    for language in (*LANGUAGES, PSEUDO):
        with speaking(language):
            spoken.add(gettext("Search posts and replies"))
            for number in (0, 1, 2, 3, 11, 100):
                words_ = ngettext("%(num)s reply", "%(num)s replies", number) % {"num": number}
                assert words_.strip()
    assert len(spoken) == len(LANGUAGES) + 1
    assert translations("de").gettext("Undo") != "Undo"
