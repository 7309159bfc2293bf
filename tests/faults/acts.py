"""What is sent to each route that changes something: one function a route, prepared anew for each try."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from fedblog.blog.model import ReplyId, Writing
from fedblog.demo import peer_payloads as payloads
from fedblog.storage import block_subscriptions, learning
from fedblog.storage.database import Tx
from fedblog.web import one_time, tickets
from fedblog.web.second import PASSKEY
from fedblog.web.sessions import hash_token
from fedblog.web.studio.factors import _MAKE as MAKE
from tests.faults.injection import PASSWORD
from tests.faults.sensible import Ask, World, browser
from tests.faults.studio import Studio

Act = Callable[[World], Awaitable[Ask]]
ACTS: dict[str, list[Act]] = {}

# A picture that came with a text is kept for the next try: the same upload twice is one picture. Whom one has looked up
# stays known.
PICTURES, PEOPLE = ("media", "files"), ("actors", "keys")


def act(path: str) -> Callable[[Act], Act]:
    """Marks what is sent to a route."""

    def mark(function: Act) -> Act:
        ACTS.setdefault(path, []).append(function)
        return function

    return mark


@act("/login")
async def log_in(world: World) -> Ask:
    nobody = Studio(world.rig.live.base_url, world.rig.live.session)
    return Ask("/login", {"username": "ana", "password": PASSWORD}, by=nobody)


@act("/logout")
async def log_out(world: World) -> Ask:
    other = await world.logged_in()
    return Ask("/logout", {"csrf": (await other.form("/studio/account"))["csrf"]}, by=other)


@act("/login/second")
async def take_code(world: World) -> Ask:
    code = one_time.new_recovery_codes()[0]
    return Ask("/login/second", {"code": code}, by=await world.half_way(code))


@act("/login/passkey/options")
async def ask_passkey(world: World) -> Ask:
    return Ask("/login/passkey/options", good=200, changes=False)


@act("/login/passkey")
async def take_passkey(world: World) -> Ask:
    await world.half_way("none")
    ticket = tickets.write(world.rig.live.services, PASSKEY, challenge="", n=world.number())
    nobody = Studio(world.rig.live.base_url, world.rig.live.session)
    return Ask("/login/passkey", {"ticket": ticket, "answer": '{"id": "tess"}'}, good=200, by=nobody)


@act("/studio/account/second")
async def begin_codes(world: World) -> Ask:
    return Ask("/studio/account/second", {"do": "begin", "current": PASSWORD})


@act("/studio/account/passkeys/options")
async def offer_passkey(world: World) -> Ask:
    return Ask("/studio/account/passkeys/options", {"current": PASSWORD}, good=200, changes=False)


@act("/studio/account/passkeys")
async def add_passkey(world: World) -> Ask:
    services, cookie = world.rig.live.services, world.rig.studio.cookies["fedblog-session"]
    ticket = tickets.write(services, MAKE, session=hash_token(cookie), challenge="", n=world.number())
    return Ask("/studio/account/passkeys", {"ticket": ticket, "answer": f"made {world.number()}", "name": "A phone"})


@act("/studio/preview")
async def preview(world: World) -> Ask:
    return Ask("/studio/preview", {"title": "T", "source": "Some *words*"}, good=200, changes=False)


@act("/studio/posts/bulk")
async def tag_several(world: World) -> Ask:
    post = await world.post(publish=False)
    return Ask("/studio/posts/bulk", {"act": "tag", "post": str(post.id), "tag": f"tag{world.number()}"})


@act("/studio/posts/{id}/reach")
async def try_again(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.failed()).id}/reach")


@act("/studio/posts/{id}/retry")
async def send_again(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.failed()).id}/retry")


@act("/studio/posts/{id}/pin")
async def pin(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.post()).id}/pin", {"do": "pin"})


@act("/studio/posts/{id}/share")
async def share(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.post(publish=False)).id}/share", {"do": "open"})


@act("/studio/posts/{id}/trash")
async def trash(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.post(publish=False)).id}/trash")


@act("/studio/posts/{id}/untrash")
async def untrash(world: World) -> Ask:
    post = await world.post(publish=False)
    await world.rig.live.services.publisher.trash(post.id)
    return Ask(f"/studio/posts/{post.id}/untrash")


@act("/studio/posts/{id}/boost")
async def boost(world: World) -> Ask:
    post = await world.post()

    def long_ago(tx: Tx) -> None:
        tx.run("UPDATE posts SET published_at = published_at - 172800 WHERE id = $1", post.id)
        tx.run("UPDATE outgoing SET created_at = created_at - 172800 WHERE object_uri = $1", post.uri)

    await world.rig.live.services.db.write(long_ago)
    return Ask(f"/studio/posts/{post.id}/boost")


@act("/studio/posts/{id}/unpublish")
async def unpublish(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.post()).id}/unpublish")


@act("/studio/posts/{id}/delete")
async def delete(world: World) -> Ask:
    return Ask(f"/studio/posts/{(await world.post()).id}/delete")


@act("/studio/posts/{id}/revisions/{number}/restore")
async def restore(world: World) -> Ask:
    post, publisher = await world.post(), world.rig.live.services.publisher
    text = await publisher.compose(Writing(title="Changed", source=f"Changed {world.number()}"))
    changed = await publisher.edit(post.id, text, editor_id=post.author_id)
    return Ask(f"/studio/posts/{post.id}/revisions/1/restore", {"version": str(changed.version)})


@act("/studio/media")
async def add_picture(world: World) -> Ask:
    return Ask("/studio/media", {"alt": "A loaf"}, file="file")


@act("/studio/media/delete")
async def delete_pictures(world: World) -> Ask:
    return Ask("/studio/media/delete", {"picture": str((await world.picture()).id), "sure": "1"})


@act("/studio/media/{id}")
async def describe_picture(world: World) -> Ask:
    return Ask(f"/studio/media/{(await world.picture()).id}", {"alt": f"Loaf {world.number()}"})


@act("/studio/media/{id}/delete")
async def delete_picture(world: World) -> Ask:
    return Ask(f"/studio/media/{(await world.picture()).id}/delete")


@act("/studio/posts/{id}/answer")
async def comment(world: World) -> Ask:
    return Ask(f"/studio/posts/{world.rig.post.id}/answer", {"source": f"Word {world.number()}"})


@act("/studio/replies/{id}/answer")
async def answer(world: World) -> Ask:
    return Ask(f"/studio/replies/{await world.note()}/answer", {"source": f"Word {world.number()}"})


@act("/studio/replies/{id}/like")
async def like(world: World) -> Ask:
    return Ask(f"/studio/replies/{await world.note()}/like", {"do": "like"})


@act("/studio/replies/{id}/state")
async def hide(world: World) -> Ask:
    return Ask(f"/studio/replies/{await world.note()}/state", {"do": "hide"})


@act("/studio/replies/{id}/state")
async def call_spam(world: World) -> Ask:
    return Ask(f"/studio/replies/{await world.note()}/state", {"do": "spam"})


@act("/studio/decisions/{id}/undo")
async def undo(world: World) -> Ask:
    return Ask(f"/studio/decisions/{await world.decision()}/undo")


@act("/studio/conversations/several")
async def decide_several(world: World) -> Ask:
    await world.decision()
    reply = await world.value("SELECT max(reply_id) FROM decisions")
    return Ask("/studio/conversations/several", {"do": "approve", "reply": str(reply)})


@act("/studio/conversations/undo")
async def undo_several(world: World) -> Ask:
    return Ask("/studio/conversations/undo", {"ids": str(await world.decision())})


@act("/studio/reports/{id}")
async def resolve(world: World) -> Ask:
    flagged = payloads.flag(world.rig.bo, [world.rig.post.uri], f"Rude {world.number()}")
    assert (await world.rig.deliver(flagged))[0] == 202
    return Ask(f"/studio/reports/{await world.value('SELECT max(id) FROM reports')}")


@act("/studio/answers/{id}")
async def edit_answer(world: World) -> Ask:
    return Ask(f"/studio/answers/{await world.answer()}", {"source": f"Word {world.number()}"})


@act("/studio/answers/{id}/delete")
async def delete_answer(world: World) -> Ask:
    return Ask(f"/studio/answers/{await world.answer()}/delete")


@act("/studio/replies/{id}/report")
async def report(world: World) -> Ask:
    return Ask(f"/studio/replies/{await world.note()}/report", {"words": "Look at this"})


@act("/studio/quotes/{id}")
async def accept_quote(world: World) -> Ask:
    return Ask(f"/studio/quotes/{await world.quote()}", {"do": "accept"})


@act("/studio/quotes/{id}")
async def reject_quote(world: World) -> Ask:
    return Ask(f"/studio/quotes/{await world.quote()}", {"do": "reject"})


@act("/studio/followers/{id}")
async def accept_follower(world: World) -> Ask:
    return Ask(f"/studio/followers/{await world.follower('pending')}", {"of": "ana", "do": "accept"})


@act("/studio/followers/{id}")
async def remove_follower(world: World) -> Ask:
    return Ask(f"/studio/followers/{await world.follower('accepted')}", {"of": "ana", "do": "remove"})


@act("/studio/profile")
async def profile(world: World) -> Ask:
    return Ask("/studio/profile", {"name": f"Ana {world.number()}", "bio": "Bakes"})


@act("/studio/notifications")
async def read_notices(world: World) -> Ask:
    return Ask("/studio/notifications", {"as_of": str(world.number())})


@act("/studio/notifications/settings")
async def notice_settings(world: World) -> Ask:
    form = {"mail": "daily", "email": f"a{world.number()}@mail.example", "do": "save"}
    return Ask("/studio/notifications/settings", form)


@act("/studio/notifications/browsers")
async def add_browser(world: World) -> Ask:
    number = world.number()
    await world.rig.live.services.db.write(lambda tx: tx.run("DELETE FROM push_subscriptions"))
    form = {key: str(value) for key, value in browser(number).items() if key in ("endpoint", "p256dh", "auth")}
    return Ask("/studio/notifications/browsers", form)


@act("/studio/notifications/browsers/{id}")
async def remove_browser(world: World) -> Ask:
    return Ask(f"/studio/notifications/browsers/{await world.browser()}")


@act("/studio/moving/aliases")
async def aliases(world: World) -> Ask:
    return Ask("/studio/moving/aliases", {"aliases": world.person().id}, keeps=PEOPLE)


@act("/studio/moving/target")
async def move(world: World) -> Ask:
    await world.rig.live.services.publisher.move_to(world.rig.post.author_id, "")
    new = world.person(alsoKnownAs=[f"{world.rig.live.base_url}/ap/actors/ana"])
    return Ask("/studio/moving/target", {"target": new.id, "do": "move"}, keeps=PEOPLE)


@act("/studio/account/password")
async def change_password(world: World) -> Ask:
    other = await world.pia()
    token = (await other.form("/studio/account"))["csrf"]
    form = {"csrf": token, "current": PASSWORD, "new": f"another good one {world.number()}"}
    return Ask("/studio/account/password", form, by=other)


@act("/studio/account/sessions")
async def end_sessions(world: World) -> Ask:
    await world.logged_in()
    return Ask("/studio/account/sessions", {"session": "all"})


@act("/studio/blocks")
async def block_server(world: World) -> Ask:
    return Ask("/studio/blocks", {"choice": f"domain h{world.number()}.example", "reason": "Spam"})


@act("/studio/blocks")
async def block_person(world: World) -> Ask:
    return Ask("/studio/blocks", {"choice": f"actor {world.person().id}", "reason": "Spam"})


@act("/studio/blocks/remove")
async def unblock(world: World) -> Ask:
    host = f"u{world.number()}.example"
    await world.rig.live.services.publisher.block_domain(host)
    return Ask("/studio/blocks/remove", {"kind": "domain", "value": host})


@act("/studio/blocks/lists")
async def read_list(world: World) -> Ask:
    return Ask("/studio/blocks/lists", {"url": f"https://lists.example/{world.number()}.csv"})


@act("/studio/blocks/lists/{id}")
async def leave_list(world: World) -> Ask:
    await world.rig.live.services.db.write(block_subscriptions.subscribe, f"https://lists.example/{world.number()}.csv")
    return Ask(f"/studio/blocks/lists/{await world.value('SELECT max(id) FROM block_lists')}", {"do": "remove"})


@act("/studio/blocks/imports")
async def import_blocks(world: World) -> Ask:
    return Ask("/studio/blocks/imports", {"text": f"d{world.number()}.example\n"})


@act("/studio/blocks/imports/{id}")
async def apply_blocks(world: World) -> Ask:
    return Ask(f"/studio/blocks/imports/{await world.block_import()}", {"do": "apply", "others": "1"})


@act("/studio/rules")
async def add_rule(world: World) -> Ask:
    return Ask("/studio/rules", {"value": f"word{world.number()}"})


@act("/studio/rules/learned")
async def forget_learned(world: World) -> Ask:
    def write(tx: Tx) -> None:
        learning.teach(tx, ReplyId(tx.value("SELECT max(id) FROM replies")), "spam", [f"bonus{world.number()}"])

    await world.rig.live.services.db.write(write)
    return Ask("/studio/rules/learned")


@act("/studio/rules/{id}")
async def remove_rule(world: World) -> Ask:
    words = f"gone{world.number()}"
    await world.rig.live.services.db.write(learning.add_word, f" {words} ", words, by=None)
    return Ask(f"/studio/rules/{await world.value('SELECT max(id) FROM word_rules')}")


@act("/studio/privacy/{id}/erase")
async def erase(world: World) -> Ask:
    return Ask(f"/studio/privacy/{await world.follower('accepted')}/erase", good=200)


@act("/studio/looks")
async def looks(world: World) -> Ask:
    return Ask("/studio/looks", {"theme": "paper", "accent": f"#10{world.number():04x}", "scheme": "auto"})


@act("/studio/people")
async def add_person(world: World) -> Ask:
    form = {"username": f"n{world.number()}", "name": "New", "role": "author", "password": PASSWORD}
    return Ask("/studio/people", form)


@act("/studio/people/{id}")
async def give_role(world: World) -> Ask:
    return Ask(f"/studio/people/{await world.account()}", {"do": "role", "role": "editor"})


@act("/studio/people/{id}")
async def disable(world: World) -> Ask:
    return Ask(f"/studio/people/{await world.account()}", {"do": "disable", "role": "author"})


@act("/unsubscribe/{token}")
async def unsubscribe(world: World) -> Ask:
    await world.rig.live.services.db.write(lambda tx: tx.run("UPDATE notice_settings SET mail = 'daily'"))
    return Ask(f"/unsubscribe/{world.names['token']}", {"List-Unsubscribe": "One-Click"}, good=200)


@act("/studio/posts/new")
async def publish_with_picture(world: World) -> Ask:
    form = {"title": f"With a picture {world.number()}", "source": "Look", "action": "save", "visibility": "public"}
    return Ask("/studio/posts/new", form, file="picture", keeps=PICTURES)


@act("/studio/posts/new")
async def publish_at_once(world: World) -> Ask:
    form = {"title": f"Post {world.number()}", "source": "Text", "action": "publish", "visibility": "public"}
    return Ask("/studio/posts/new", form)


@act("/studio/posts/{id}")
async def schedule(world: World) -> Ask:
    post = await world.post(publish=False)
    at = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 86_400))
    form = {**await world.editor(post.id), "action": "schedule", "publish_at": at, "zone": "UTC"}
    return Ask(f"/studio/posts/{post.id}", form)


@act("/studio/posts/{id}")
async def publish(world: World) -> Ask:
    post = await world.post(publish=False)
    return Ask(f"/studio/posts/{post.id}", {**await world.editor(post.id), "action": "publish"})


@act("/studio/posts/{id}")
async def edit(world: World) -> Ask:
    post = await world.post()
    return Ask(f"/studio/posts/{post.id}", {**await world.editor(post.id), "action": "save"})
