"""The studio: where authors write, answer and look after things. One screen a file."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.model import Role
from fedblog.web.studio import (
    account,
    answers,
    block_lists,
    blocks,
    bulk,
    conversations,
    editor,
    factors,
    followers,
    inbox_log,
    looks,
    media,
    moderation,
    moving,
    notifications,
    overview,
    people,
    posts,
    preview,
    privacy,
    profile,
    publication,
    quotes,
    reach,
    reply,
    reporting,
    reports,
    revisions,
    rules,
    statistics,
)
from fedblog.web.studio.access import action, page


def add_routes(router: web.UrlDispatcher) -> None:
    """Every address of the studio."""
    _add_posts(router)
    _add_media(router)
    _add_conversations(router)
    _add_settings(router)


def _add_posts(router: web.UrlDispatcher) -> None:
    router.add_get("/studio", page(overview.overview))
    router.add_get("/studio/statistics", page(statistics.statistics))
    router.add_get("/studio/statistics.csv", page(statistics.statistics_csv))
    router.add_get("/studio/posts", page(posts.list_posts))
    router.add_post("/studio/preview", action(preview.preview, uploads=True))
    router.add_post("/studio/posts/bulk", action(bulk.bulk))
    router.add_get("/studio/posts/new", page(editor.new_post))
    router.add_post("/studio/posts/new", action(editor.create_post, uploads=True))
    router.add_get("/studio/posts/{id}", page(editor.edit_post))
    router.add_post("/studio/posts/{id}", action(editor.save_post, uploads=True))
    router.add_get("/studio/posts/{id}/delivery", page(publication.delivery))
    router.add_get("/studio/posts/{id}/reach", page(reach.reach_page))
    router.add_post("/studio/posts/{id}/reach", action(reach.retry))
    router.add_post("/studio/posts/{id}/retry", action(publication.retry))
    router.add_post("/studio/posts/{id}/pin", action(publication.pin))
    router.add_post("/studio/posts/{id}/share", action(publication.share))
    router.add_post("/studio/posts/{id}/trash", action(publication.trash))
    router.add_post("/studio/posts/{id}/untrash", action(publication.untrash))
    router.add_get("/studio/posts/{id}/unpublish", page(publication.ask_unpublish))
    router.add_post("/studio/posts/{id}/unpublish", action(publication.unpublish))
    router.add_get("/studio/posts/{id}/boost", page(publication.ask_boost))
    router.add_post("/studio/posts/{id}/boost", action(publication.boost))
    router.add_get("/studio/posts/{id}/delete", page(publication.ask_delete))
    router.add_post("/studio/posts/{id}/delete", action(publication.delete))
    router.add_get("/studio/posts/{id}/statistics", page(statistics.post_statistics))
    router.add_get("/studio/posts/{id}/statistics.csv", page(statistics.post_statistics_csv))
    router.add_get("/studio/posts/{id}/revisions", page(revisions.list_revisions))
    router.add_get("/studio/posts/{id}/revisions/{number}", page(revisions.show_revision))
    router.add_get("/studio/posts/{id}/revisions/{number}/restore", page(revisions.ask_restore))
    router.add_post("/studio/posts/{id}/revisions/{number}/restore", action(revisions.restore))


def _add_conversations(router: web.UrlDispatcher) -> None:
    router.add_get("/studio/conversations", page(conversations.conversations))
    router.add_post("/studio/conversations/several", action(moderation.decide_several))
    router.add_post("/studio/conversations/undo", action(moderation.undo_several))
    router.add_post("/studio/posts/{id}/answer", action(answers.answer_post))
    router.add_post("/studio/replies/{id}/answer", action(answers.answer))
    router.add_post("/studio/replies/{id}/like", action(answers.like))
    router.add_get("/studio/replies/{id}", page(reply.show_reply))
    router.add_post("/studio/replies/{id}/state", action(moderation.decide))
    router.add_post("/studio/decisions/{id}/undo", action(moderation.undo))
    router.add_get("/studio/reports", page(reports.list_reports, role=Role.EDITOR))
    router.add_post("/studio/reports/{id}", action(reports.resolve, role=Role.EDITOR))
    router.add_post("/studio/answers/{id}", action(answers.edit_answer))
    router.add_get("/studio/answers/{id}/delete", page(answers.ask_delete_answer))
    router.add_post("/studio/answers/{id}/delete", action(answers.delete_answer))
    router.add_get("/studio/replies/{id}/report", page(reporting.ask_report))
    router.add_post("/studio/replies/{id}/report", action(reporting.report))
    router.add_get("/studio/quotes", page(quotes.list_quotes))
    router.add_post("/studio/quotes/{id}", action(quotes.decide))
    router.add_get("/studio/followers", page(followers.list_followers))
    router.add_get("/studio/followers.csv", page(followers.followers_csv))
    router.add_get("/studio/followers/servers", page(followers.list_servers))
    router.add_post("/studio/followers/{id}", action(followers.decide_follower))


def _add_media(router: web.UrlDispatcher) -> None:
    router.add_get("/studio/media", page(media.list_media))
    router.add_post("/studio/media", action(media.add_media, uploads=True))
    router.add_post("/studio/media/delete", action(media.delete_several))
    router.add_post("/studio/media/{id}", action(media.describe_media))
    router.add_get("/studio/media/{id}/delete", page(media.ask_delete_media))
    router.add_post("/studio/media/{id}/delete", action(media.delete_media))


def _add_settings(router: web.UrlDispatcher) -> None:
    router.add_get("/studio/profile", page(profile.profile))
    router.add_post("/studio/profile", action(profile.save_profile, uploads=True))
    router.add_get("/studio/notifications", page(notifications.list_notifications))
    router.add_post("/studio/notifications", action(notifications.mark_read))
    router.add_get("/studio/notifications/settings", page(notifications.settings))
    router.add_post("/studio/notifications/settings", action(notifications.save_settings))
    router.add_post("/studio/notifications/browsers", action(notifications.add_browser))
    router.add_post("/studio/notifications/browsers/{id}", action(notifications.remove_browser))
    router.add_get("/studio/moving", page(moving.moving))
    router.add_post("/studio/moving/aliases", action(moving.save_aliases))
    router.add_post("/studio/moving/target", action(moving.move))
    router.add_get("/studio/account", page(account.account))
    router.add_post("/studio/account/password", action(account.change_password))
    router.add_post("/studio/account/sessions", action(account.end_sessions))
    router.add_get("/studio/account/second", page(factors.factors_page))
    router.add_post("/studio/account/second", action(factors.change_codes))
    router.add_post("/studio/account/passkeys/options", action(factors.passkey_options))
    router.add_post("/studio/account/passkeys", action(factors.change_passkeys))
    router.add_get("/studio/blocks", page(blocks.blocks))
    router.add_get("/studio/blocks/new", page(blocks.ask_block, role=Role.EDITOR))
    router.add_post("/studio/blocks", action(blocks.block, role=Role.EDITOR))
    router.add_post("/studio/blocks/remove", action(blocks.unblock, role=Role.EDITOR))
    router.add_get("/studio/blocks/lists", page(block_lists.lists_page, role=Role.EDITOR))
    router.add_post("/studio/blocks/lists", action(block_lists.subscribe, role=Role.EDITOR))
    router.add_post("/studio/blocks/lists/{id}", action(block_lists.change_subscription, role=Role.EDITOR))
    router.add_post("/studio/blocks/imports", action(block_lists.import_list, role=Role.EDITOR, uploads=True))
    router.add_get("/studio/blocks/imports/{id}", page(block_lists.import_page, role=Role.EDITOR))
    router.add_post("/studio/blocks/imports/{id}", action(block_lists.decide, role=Role.EDITOR))
    router.add_get("/studio/blocks/domains.csv", page(block_lists.domains_csv, role=Role.EDITOR))
    router.add_get("/studio/blocks/accounts.csv", page(block_lists.accounts_csv, role=Role.EDITOR))
    router.add_get("/studio/rules", page(rules.rules_page, role=Role.EDITOR))
    router.add_post("/studio/rules", action(rules.add_rule, role=Role.EDITOR))
    router.add_post("/studio/rules/learned", action(rules.forget_learned, role=Role.EDITOR))
    router.add_post("/studio/rules/{id}", action(rules.remove_rule, role=Role.EDITOR))
    router.add_get("/studio/privacy", page(privacy.privacy_page, role=Role.OWNER))
    router.add_get("/studio/privacy/{id}.json", page(privacy.export, role=Role.OWNER))
    router.add_get("/studio/privacy/{id}/erase", page(privacy.ask_erase, role=Role.OWNER))
    router.add_post("/studio/privacy/{id}/erase", action(privacy.erase, role=Role.OWNER))
    router.add_get("/studio/looks", page(looks.looks, role=Role.OWNER))
    router.add_post("/studio/looks", action(looks.save_looks, role=Role.OWNER))
    router.add_get("/studio/looks/sample.css", page(looks.sample, role=Role.OWNER))
    router.add_get("/studio/looks/contrast", page(looks.contrast_table, role=Role.OWNER))
    router.add_get("/studio/people", page(people.people, role=Role.OWNER))
    router.add_post("/studio/people", action(people.add_person, role=Role.OWNER))
    router.add_post("/studio/people/{id}", action(people.change_person, role=Role.OWNER))
    router.add_get("/studio/inbox-log", page(inbox_log.inbox_log, role=Role.OWNER))
