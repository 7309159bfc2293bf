"""Spam that arrives: held, with a reason, never dropped."""

from __future__ import annotations

from fedblog.storage import learning
from tests.federation.house import House


async def test_what_arrives_is_held_with_its_reason_and_never_dropped(house: House) -> None:
    """Over signed HTTP: a wave of mentions, a listed word, and what was learned."""
    post, bob = await house.publish(), house.person()
    tags = [{"type": "Mention", "href": f"https://x.example/{number}", "name": f"@u{number}"} for number in range(6)]
    names = " ".join(f'<a href="{one["href"]}" class="u-url mention">{one["name"]}</a>' for one in tags)
    links = "".join(f'<a href="https://spin.example/{number}">x</a> ' for number in range(3))
    wave = house.note(bob, post.uri, f"<p>{names} {links}</p>", tag=tags)
    assert await house.send(house.create(wave)) == (202, "reply_held")
    stored = await house.reply(wave["id"])
    assert stored is not None
    assert stored.reason == "hold_score"
    await house.db.write(learning.add_word, " casino ", "casino", by=None)
    eve = house.person("e.example", "eve")
    assert await house.send(house.create(house.note(eve, post.uri, "<p>Hello</p>"))) == (202, "reply_published")
    listed = house.note(eve, post.uri, "<p>My CASINO</p>")
    assert await house.send(house.create(listed)) == (202, "reply_held")
    stored = await house.reply(listed["id"])
    assert stored is not None
    assert stored.reason == "hold_words"
    await house.publisher.approve_reply(stored.id)  # trusted by hand from now on
    assert await house.send(house.create(house.note(eve, post.uri, "<p>casino!</p>"))) == (202, "reply_published")
    for number in range(3):
        one = house.note(house.person("s.example", f"spam{number}"), post.uri, "<p>Cheap watches, cheap bags</p>")
        two = house.note(house.person("g.example", f"good{number}"), post.uri, "<p>Bread is life</p>")
        for note, decide in ((one, house.publisher.mark_spam), (two, house.publisher.approve_reply)):
            assert await house.send(house.create(note)) == (202, "reply_published")
            kept = await house.reply(note["id"])
            assert kept is not None
            await decide(kept.id)
    again = house.note(house.person("s.example", "spam9"), post.uri, "<p>Cheap bags here</p>")
    assert await house.send(house.create(again)) == (202, "reply_held")
    nice = house.note(house.person("n.example", "nina"), post.uri, "<p>Lovely bread</p>")
    assert await house.send(house.create(nice)) == (202, "reply_published")


async def test_words_that_are_changed_once_they_show_are_looked_at_again(house: House) -> None:
    post, bob = await house.publish(), house.person()
    note = house.note(bob, post.uri, "<p>Lovely</p>")
    assert await house.send(house.create(note)) == (202, "reply_published")
    links = "".join(f'<a href="https://spin.example/{number}">x</a> ' for number in range(3))
    names = "".join(f'<a href="https://x.example/{number}" class="u-url mention">@u</a> ' for number in range(6))
    spam = {**note, "content": f"<p>{names}{links}</p>", "updated": "2026-11-24T02:00:00Z"}
    assert await house.send(house.activity("Update", bob, spam)) == (202, "reply_held")
    stored = await house.reply(note["id"])
    assert stored is not None
    assert (stored.reason, stored.content_html.count("spin.example")) == ("hold_score", 3)
    await house.publisher.approve_reply(stored.id)
    again = {**spam, "content": f"<p>{links}{names} more</p>", "updated": "2026-11-24T03:00:00Z"}
    assert await house.send(house.activity("Update", bob, again)) == (202, "reply_edited")
