-- Who may reply and quote, pins, moves, retired keys, polls, approvals of our answers, and quotes of our posts.

-- reply_policy counts while comments_open = 1: everyone, followers, mentioned. quote_policy: everyone, followers,
-- approve (the author is asked), nobody.
ALTER TABLE posts ADD COLUMN reply_policy TEXT NOT NULL DEFAULT 'everyone';
ALTER TABLE posts ADD COLUMN quote_policy TEXT NOT NULL DEFAULT 'everyone';
ALTER TABLE posts ADD COLUMN pinned_at BIGINT;

-- moved_to: the id of the account that this one became, ours or a remote one. also_known_as: ids, ours only.
ALTER TABLE actors ADD COLUMN moved_to TEXT NOT NULL DEFAULT '';
ALTER TABLE actors ADD COLUMN moved_at BIGINT;
ALTER TABLE actors ADD COLUMN also_known_as TEXT NOT NULL DEFAULT '[]';

-- A key pair of ours that signs no more; it is listed for a week.
ALTER TABLE keys ADD COLUMN retired_at BIGINT;

-- options: choices of a poll with their counts. approval: what the author of the parent said to an answer of ours.
ALTER TABLE replies ADD COLUMN options TEXT NOT NULL DEFAULT '[]';
ALTER TABLE replies ADD COLUMN approval TEXT NOT NULL DEFAULT '';
ALTER TABLE replies ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';

-- Somebody's object that quotes a post or an answer of ours (FEP-044f). state: pending, accepted, rejected, revoked.
-- listed = 1: the page names it. request is the QuoteRequest as received, '' where none came.
CREATE TABLE quotes (
  id BIGINT PRIMARY KEY, uri TEXT NOT NULL, url TEXT NOT NULL, actor_id BIGINT NOT NULL REFERENCES actors (id),
  post_id BIGINT NOT NULL REFERENCES posts (id), target_uri TEXT NOT NULL, state TEXT NOT NULL, public INTEGER NOT NULL,
  listed INTEGER NOT NULL, request TEXT NOT NULL, published_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
  UNIQUE (uri, target_uri));
CREATE INDEX quotes_post ON quotes (post_id, created_at);
CREATE INDEX quotes_actor ON quotes (actor_id);
