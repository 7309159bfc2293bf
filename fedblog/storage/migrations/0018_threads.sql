-- What a conversation changes at every turn: in a row of its own, since each change writes the whole row again, and that of
-- a post holds its text. Who writes in a conversation waits for others on this row (posts.bump).
-- thread_version rises with everything that changes the page; redrawn is the one since which its rows can be used again.
CREATE TABLE threads (
  post_id BIGINT PRIMARY KEY REFERENCES posts (id) ON DELETE CASCADE, thread_version BIGINT NOT NULL, redrawn BIGINT NOT NULL,
  next_reply INTEGER NOT NULL, reply_count INTEGER NOT NULL, like_count INTEGER NOT NULL, announce_count INTEGER NOT NULL);
INSERT INTO threads (post_id, thread_version, redrawn, next_reply, reply_count, like_count, announce_count)
  SELECT id, thread_version, redrawn, next_reply, reply_count, like_count, announce_count FROM posts;
ALTER TABLE posts DROP COLUMN thread_version;
ALTER TABLE posts DROP COLUMN redrawn;
ALTER TABLE posts DROP COLUMN next_reply;
ALTER TABLE posts DROP COLUMN reply_count;
ALTER TABLE posts DROP COLUMN like_count;
ALTER TABLE posts DROP COLUMN announce_count;
-- A third of all replies answer the post itself: nothing asks for those by their parent.
DROP INDEX replies_parent;
CREATE INDEX replies_parent ON replies (parent_id) WHERE parent_id IS NOT NULL;
