"""What happens in the demo, in order: follows, a conversation in branches, likes, boosts, an edit, a deletion.

Pure data. `stage.py` performs it over HTTP, `checks.py` knows from it what the pages must show afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Deed = Literal["follow", "reply", "answer", "like", "react", "boost", "edit", "delete", "publish", "author_like"]

BLOG = "blog"
BICYCLE, GARDEN, COMMENTS = "bicycle", "garden", "comments"


@dataclass(frozen=True, slots=True)
class Essay:
    """A post of the demo: the files with its text and its cover, and how many days before the start it was published
    (None: it is published while the visitor watches)."""

    key: str
    author: str
    title: str
    days_ago: float | None
    cover: str  # what is to be seen on it


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody does, `pause` seconds after the act before it.

    `who` is a resident's or an author's user name. `to` is an essay's key, an author's name or `blog` (follows), or
    the `label` of an earlier reply. `text` is what is written; for `react` the emoji.
    """

    pause: float
    deed: Deed
    who: str
    to: str
    label: str = ""
    text: str = ""


ESSAYS = (
    Essay(
        GARDEN,
        "theo",
        "What a winter garden is for",
        4.2,
        "A robin in a bare tree; behind it a gate, a path in the snow and a low sun over seed heads.",
    ),
    Essay(
        BICYCLE,
        "mara",
        "Nineteen years beside the boiler",
        1.1,
        "A green bicycle with a cobweb in its frame, leaning in a cellar between a box of tools and a boiler.",
    ),
    Essay(
        COMMENTS,
        "mara",
        "Bring your own chair",
        None,
        "Seven chairs, no two alike, around a fire at night, under a string of lamps.",
    ),
)

ACTS = (
    Act(0.0, "follow", "ines", "mara"),
    Act(0.1, "follow", "bram", BLOG),
    Act(0.1, "follow", "jonas", "mara"),
    Act(0.1, "follow", "hana", "theo"),
    Act(0.1, "follow", "odile", BLOG),
    Act(0.1, "follow", "tom", BLOG),
    Act(0.1, "follow", "priya", "theo"),
    Act(
        0.5,
        "reply",
        "ines",
        BICYCLE,
        "umbrella",
        "I once repaired an umbrella. It took a weekend and a cobbler's needle, and new it had cost nine euros. "
        "Every time it rains I am unreasonably happy. So yes, it was worth it, and no, I can't defend it.",
    ),
    Act(
        0.9,
        "reply",
        "bram",
        "umbrella",
        "tally",
        "Nine euros is what the umbrella cost. What did the weekend cost? I keep a tally at our repair café, and it is "
        "always the wrong one of the two numbers that people remember.",
    ),
    Act(
        0.9,
        "reply",
        "ines",
        "tally",
        "weekend",
        "Honestly? Nothing. I was going to spend it looking at a screen. If I count like that, the umbrella paid me.",
    ),
    Act(0.3, "like", "jonas", BICYCLE),
    Act(0.2, "react", "hana", BICYCLE, text="🔧"),
    Act(0.3, "like", "noor", "umbrella"),
    Act(0.2, "like", "tom", "umbrella"),
    Act(0.2, "like", "hana", "umbrella"),
    Act(
        0.6,
        "reply",
        "tom",
        BICYCLE,
        "table",
        "The table is the best part. For thirty years I told pupils to write down what works before they take anything "
        "apart, and for thirty years they looked at me as if I wanted to keep them from playing.",
    ),
    Act(
        0.7,
        "reply",
        "hana",
        "table",
        "blank",
        "In my calligraphy class we begin by looking at the paper, not at the brush. Nobody likes that part either. "
        "Later it turns out to have been the lesson.",
    ),
    Act(
        0.8,
        "answer",
        "mara",
        "table",
        "play",
        "It *was* playing, that is the trouble. I enjoyed those three weeks of being wrong. But I wonder: did any of "
        "your pupils ever come round?",
    ),
    Act(
        0.7,
        "reply",
        "tom",
        "play",
        "letter",
        "One. She builds bridges now and sent me a photograph of a table with four columns. I have it on the fridge.",
    ),
    Act(0.3, "like", "hana", "play"),
    Act(0.2, "like", "ines", "play"),
    Act(0.2, "like", "tom", "play"),
    Act(
        0.5,
        "reply",
        "jonas",
        BICYCLE,
        "hub",
        "Lovely to read about a Torpedo again. One thing: the washer under the pinion goes in with the bevel facing "
        "outwards, at least from 1965 on.",
    ),
    Act(
        0.6,
        "reply",
        "ren",
        BICYCLE,
        "newhub",
        "Sorry, but a decent new hub costs less than one hour of your time. This is nostalgia with grease on it.",
    ),
    Act(
        0.7,
        "reply",
        "noor",
        "newhub",
        "towpath",
        "It does cost less. But which new hub would an old man on a towpath stop to talk about?",
    ),
    Act(0.3, "boost", "odile", BICYCLE),
    Act(0.2, "boost", "tom", BICYCLE),
    Act(
        0.5,
        "reply",
        "odile",
        "weekend",
        "paid",
        "“The umbrella paid me” is going on the first page of my notebook, with your name under it.",
    ),
    Act(
        0.6,
        "reply",
        "ines",
        "paid",
        "spelling",
        "Then mind the circumflex on the ê, please. My aunt reads blogs.",
    ),
    Act(
        0.4,
        "edit",
        "jonas",
        "hub",
        text="Lovely to read about a Torpedo again. One thing: the washer under the pinion goes in with the bevel "
        "facing outwards from 1965 on. In yours, from 1961, it faces inwards: I went down to the cellar and looked. "
        "So you were right, and I was four years late.",
    ),
    Act(
        0.6,
        "answer",
        "mara",
        "hub",
        "cellar",
        "You went down to the cellar for this? That is the kindest correction I have ever been given.",
    ),
    Act(0.3, "like", "jonas", "cellar"),
    Act(0.4, "delete", "ren", "newhub"),
    Act(0.3, "publish", "mara", COMMENTS),
    Act(
        0.6,
        "reply",
        "priya",
        GARDEN,
        "compost",
        "We had the argument about tidy beds in our community last month, two hundred comments. The goldfinches "
        "settled it. May I quote your fennel bee?",
    ),
    Act(0.4, "react", "sigrid", GARDEN, text="🌱"),
    Act(
        0.5,
        "answer",
        "theo",
        "compost",
        "quote",
        "Quote away. She was a small scissor bee, I think, and she would like it noted that she was asleep.",
    ),
    Act(
        0.6,
        "reply",
        "sigrid",
        "quote",
        "asleep",
        "They always say that. Mine fly on the first day above ten degrees and pretend they had been up for weeks.",
    ),
    Act(
        0.5,
        "reply",
        "emeka",
        GARDEN,
        "balcony",
        "Ninth floor, one box, facing north-east. Today: two leeks, one very determined moss, and a great tit who "
        "inspects them at eight. I sowed cowslips on the snow because of you.",
    ),
    Act(0.2, "like", "priya", "quote"),
    Act(0.2, "like", "emeka", GARDEN),
    Act(0.3, "like", "sigrid", "balcony"),
    Act(
        0.6,
        "reply",
        "odile",
        COMMENTS,
        "closed",
        "I closed mine in the same year, and felt the same relief. This note is being written on my own blog, in my "
        "own kitchen. It feels like answering a letter, except that you already have it.",
    ),
    Act(
        0.7,
        "reply",
        "noor",
        "closed",
        "maps",
        "To your second question, Mara: paths on a map are readable as long as you see where they start. Depth was "
        "never the problem, losing the trailhead is.",
    ),
    Act(
        0.7,
        "reply",
        "kaito",
        "maps",
        "hinges",
        "I am one of the two with the hinges. We were seven levels down and had to scroll up to find out whose house "
        "we were in. It was very pleasant there.",
    ),
    Act(
        0.6,
        "answer",
        "mara",
        "hinges",
        "house",
        "Kaito! And who was the host, in the end?",
    ),
    Act(
        0.6,
        "reply",
        "kaito",
        "house",
        "soup",
        "Whoever had made the soup. She says hello, and that the hinge still squeaks.",
    ),
    Act(0.2, "like", "bram", "house"),
    Act(0.2, "like", "odile", "house"),
    Act(0.2, "like", "ines", COMMENTS),
    Act(0.2, "boost", "bram", COMMENTS),
    Act(0.3, "author_like", "mara", "soup"),
)
