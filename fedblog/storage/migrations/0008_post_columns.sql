-- What the studio asks about a post beyond its text.

-- kind: post, or page (in no list and no feed). federated = 0: it has no id elsewhere, and no server is told of it.
ALTER TABLE posts ADD COLUMN kind TEXT NOT NULL DEFAULT 'post';
ALTER TABLE posts ADD COLUMN federated INTEGER NOT NULL DEFAULT 1;
ALTER TABLE posts ADD COLUMN series TEXT NOT NULL DEFAULT '';
ALTER TABLE posts ADD COLUMN series_slug TEXT NOT NULL DEFAULT '';
ALTER TABLE posts ADD COLUMN series_position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN canonical_url TEXT NOT NULL DEFAULT '';
-- 1: readers may see the revisions of a published post.
ALTER TABLE posts ADD COLUMN show_history INTEGER NOT NULL DEFAULT 0;
-- '' (as the blog), none, first, all.
ALTER TABLE posts ADD COLUMN hold_policy TEXT NOT NULL DEFAULT '';
-- Days after publication at which comments close; 0: never.
ALTER TABLE posts ADD COLUMN close_after_days INTEGER NOT NULL DEFAULT 0;
-- Of drafts: published then. trashed_at: never of what is published. preview_key: in the link that shows a draft.
ALTER TABLE posts ADD COLUMN scheduled_at BIGINT;
ALTER TABLE posts ADD COLUMN trashed_at BIGINT;
ALTER TABLE posts ADD COLUMN preview_key TEXT NOT NULL DEFAULT '';
CREATE INDEX posts_series ON posts (series_slug, published_at) WHERE series_slug <> '';
CREATE INDEX posts_scheduled ON posts (scheduled_at) WHERE scheduled_at IS NOT NULL;

-- Why a text was changed, in the editor's words.
ALTER TABLE revisions ADD COLUMN note TEXT NOT NULL DEFAULT '';
