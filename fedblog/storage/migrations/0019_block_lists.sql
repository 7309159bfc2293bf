-- Blocks that come many at once: a file, or a list elsewhere that is read again and again.

-- import_id: the import that this block came with, NULL for one that somebody made by hand. kind `account` (value
-- name@host) is of somebody whose id nobody here knows yet.
ALTER TABLE blocks ADD COLUMN import_id BIGINT;
CREATE INDEX blocks_import ON blocks (import_id) WHERE import_id IS NOT NULL;

-- Lists that are read at their address. error: why the last try failed, '' when it worked.
CREATE TABLE block_lists (
  id BIGINT PRIMARY KEY, url TEXT NOT NULL UNIQUE, created_at BIGINT NOT NULL, read_at BIGINT, error TEXT NOT NULL);

-- state: draft (nothing was done yet), applied, undone, dropped. problems: lines that can't be used, JSON.
CREATE TABLE block_imports (
  id BIGINT PRIMARY KEY, list_id BIGINT REFERENCES block_lists (id) ON DELETE SET NULL,
  account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL, title TEXT NOT NULL, state TEXT NOT NULL,
  known INTEGER NOT NULL, problems TEXT NOT NULL, created_at BIGINT NOT NULL, decided_at BIGINT);
CREATE INDEX block_imports_list ON block_imports (list_id);

-- act: add, or remove (of a list that names it no more). chosen: what the person decided. from_import: whose block was
-- removed.
CREATE TABLE block_import_rows (
  import_id BIGINT NOT NULL REFERENCES block_imports (id) ON DELETE CASCADE, number INTEGER NOT NULL, act TEXT NOT NULL,
  kind TEXT NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, chosen INTEGER NOT NULL, from_import BIGINT,
  PRIMARY KEY (import_id, number));

-- Follows that ended with it: they come back when it is undone.
CREATE TABLE block_import_follows (
  import_id BIGINT NOT NULL REFERENCES block_imports (id) ON DELETE CASCADE,
  actor_id BIGINT NOT NULL REFERENCES actors (id) ON DELETE CASCADE,
  target_id BIGINT NOT NULL REFERENCES actors (id) ON DELETE CASCADE, state TEXT NOT NULL, follow_uri TEXT NOT NULL,
  follow_json TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (import_id, actor_id, target_id));
CREATE INDEX block_import_follows_actor ON block_import_follows (actor_id);
CREATE INDEX block_import_follows_target ON block_import_follows (target_id);
