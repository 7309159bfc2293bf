-- Threads are made whole: what other servers say they have under our posts (federation/backfill.py).

-- One row a thread. turn: number of the planned job, so that only one is ever the current one. pages and items: what
-- the run under way has cost so far. missing: what the page says, so that a change of it makes a new page.
CREATE TABLE backfills (
  post_id BIGINT PRIMARY KEY REFERENCES posts (id) ON DELETE CASCADE, turn BIGINT NOT NULL, lease_until BIGINT NOT NULL,
  ran_at BIGINT NOT NULL, pages INTEGER NOT NULL, items INTEGER NOT NULL, missing INTEGER NOT NULL);

-- Where is looked: a remote reply with its `replies` (kind 'note'), or a conversation's collection ('context', 'history').
-- told: its totalItems. cursor: the page that the next run goes on with. due_at NULL: not any more.
CREATE TABLE backfill_sources (
  post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE, uri TEXT NOT NULL, kind TEXT NOT NULL,
  reply_id BIGINT REFERENCES replies (id) ON DELETE CASCADE, told BIGINT, cursor TEXT NOT NULL, state TEXT NOT NULL,
  reads INTEGER NOT NULL, since BIGINT NOT NULL, read_at BIGINT, due_at BIGINT, PRIMARY KEY (post_id, uri));
CREATE INDEX backfill_sources_due ON backfill_sources (post_id, due_at);
CREATE INDEX backfill_sources_reply ON backfill_sources (reply_id);

-- Ids that were named there and are not here: hints, nothing of them is believed.
CREATE TABLE backfill_items (
  post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE, uri TEXT NOT NULL, source TEXT NOT NULL,
  state TEXT NOT NULL, tries INTEGER NOT NULL, due_at BIGINT, PRIMARY KEY (post_id, uri));
CREATE INDEX backfill_items_due ON backfill_items (post_id, due_at);
CREATE INDEX backfill_items_source ON backfill_items (post_id, source);
