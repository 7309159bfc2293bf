-- The first schema. One text for both engines: BIGINT is INTEGER on SQLite, BLOB is BYTEA on PostgreSQL, TEXT is in
-- byte order on both. Times are Unix seconds, flags are 0 or 1, lists are JSON text. Ids are made by the program.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

-- Rows that PostgreSQL transactions lock to wait for each other (Tx.lock).
CREATE TABLE locks (number INTEGER PRIMARY KEY);
INSERT INTO locks (number)
  WITH RECURSIVE count_up (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM count_up WHERE number < 63)
  SELECT number FROM count_up;

-- Ours (local = 'author' | 'blog' | 'instance') and everybody else's (local = '').
CREATE TABLE actors (
  id BIGINT PRIMARY KEY, uri TEXT NOT NULL UNIQUE, local TEXT NOT NULL, type TEXT NOT NULL, username TEXT NOT NULL,
  domain TEXT NOT NULL, name TEXT NOT NULL, summary_html TEXT NOT NULL, summary_source TEXT NOT NULL DEFAULT '',
  url TEXT NOT NULL, icon_url TEXT NOT NULL, image_url TEXT NOT NULL, inbox TEXT NOT NULL, shared_inbox TEXT NOT NULL,
  followers_uri TEXT NOT NULL, manually_approves INTEGER NOT NULL, fields TEXT NOT NULL, created_at BIGINT NOT NULL,
  fetched_at BIGINT NOT NULL, approved INTEGER NOT NULL DEFAULT 0, suspended_at BIGINT, deleted_at BIGINT);
CREATE INDEX actors_domain ON actors (domain);
CREATE UNIQUE INDEX actors_local_name ON actors (lower(username)) WHERE local <> '';
CREATE INDEX actors_ours ON actors (local) WHERE local <> '';

-- Public keys as actor documents list them; private_sealed only for ours. Somebody who lists another's key id gets a row
-- of their own and changes nothing for the other.
CREATE TABLE keys (
  key_id TEXT NOT NULL, actor_id BIGINT NOT NULL REFERENCES actors (id) ON DELETE CASCADE, algorithm TEXT NOT NULL,
  public_pem TEXT NOT NULL, private_sealed BLOB, fetched_at BIGINT NOT NULL, PRIMARY KEY (key_id, actor_id));
CREATE INDEX keys_actor ON keys (actor_id);

CREATE TABLE accounts (
  id BIGINT PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL, password_hash TEXT NOT NULL, role TEXT NOT NULL,
  actor_id BIGINT NOT NULL UNIQUE REFERENCES actors (id), created_at BIGINT NOT NULL, seen_at BIGINT NOT NULL DEFAULT 0,
  disabled_at BIGINT);

CREATE TABLE sessions (
  id_hash TEXT PRIMARY KEY, account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, user_agent TEXT NOT NULL);
CREATE INDEX sessions_account ON sessions (account_id);

CREATE TABLE posts (
  id BIGINT PRIMARY KEY, uri TEXT UNIQUE, author_id BIGINT NOT NULL REFERENCES actors (id), slug TEXT NOT NULL, title TEXT NOT NULL,
  source TEXT NOT NULL, source_type TEXT NOT NULL, content_html TEXT NOT NULL, summary TEXT NOT NULL,
  content_warning TEXT NOT NULL, language TEXT NOT NULL, image_url TEXT NOT NULL, image_alt TEXT NOT NULL,
  pictures INTEGER NOT NULL, tags TEXT NOT NULL, mentions TEXT NOT NULL, word_count INTEGER NOT NULL, status TEXT NOT NULL,
  visibility TEXT NOT NULL, comments_open INTEGER NOT NULL, created_at BIGINT NOT NULL, published_at BIGINT,
  edited_at BIGINT, deleted_at BIGINT, version INTEGER NOT NULL, thread_version BIGINT NOT NULL,
  publications INTEGER NOT NULL DEFAULT 0, next_reply INTEGER NOT NULL DEFAULT 0, reply_count INTEGER NOT NULL,
  like_count INTEGER NOT NULL, announce_count INTEGER NOT NULL);
CREATE UNIQUE INDEX posts_slug ON posts (author_id, slug);
CREATE INDEX posts_published ON posts (status, published_at);

-- A slug that a post once had redirects to the one it has.
CREATE TABLE old_slugs (
  author_id BIGINT NOT NULL, slug TEXT NOT NULL, post_id BIGINT NOT NULL REFERENCES posts (id), PRIMARY KEY (author_id, slug));

CREATE TABLE post_tags (
  tag TEXT NOT NULL, post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE, name TEXT NOT NULL, PRIMARY KEY (tag, post_id));
CREATE INDEX post_tags_post ON post_tags (post_id);

CREATE TABLE revisions (
  post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE, number INTEGER NOT NULL, title TEXT NOT NULL, source TEXT NOT NULL,
  source_type TEXT NOT NULL, summary TEXT NOT NULL, created_at BIGINT NOT NULL, editor_id BIGINT NOT NULL,
  PRIMARY KEY (post_id, number));

-- The tree under each post. path = parent's path + one fixed-width segment (time, then arrival), so that byte order is
-- thread order; it is '' for orphans. shown = 1: everybody may see it, its whole chain included; a removed reply is shown
-- (as a placeholder) while something below it is. settled: the state an orphan takes once its parent is here.
CREATE TABLE replies (
  id BIGINT PRIMARY KEY, uri TEXT NOT NULL UNIQUE, url TEXT NOT NULL, actor_id BIGINT NOT NULL REFERENCES actors (id),
  post_id BIGINT REFERENCES posts (id), parent_id BIGINT REFERENCES replies (id), in_reply_to TEXT NOT NULL, path TEXT NOT NULL,
  depth INTEGER NOT NULL, state TEXT NOT NULL, visibility TEXT NOT NULL, local INTEGER NOT NULL, type TEXT NOT NULL,
  name TEXT NOT NULL, content_html TEXT NOT NULL, source TEXT NOT NULL, content_warning TEXT NOT NULL, language TEXT NOT NULL,
  published_at BIGINT NOT NULL, edited_at BIGINT, received_at BIGINT NOT NULL, like_count INTEGER NOT NULL,
  announce_count INTEGER NOT NULL, remote_likes INTEGER NOT NULL, remote_announces INTEGER NOT NULL, context TEXT NOT NULL,
  attachments TEXT NOT NULL, reason TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0,
  shown INTEGER NOT NULL DEFAULT 0, settled TEXT NOT NULL DEFAULT '');
-- A path has 250 segments at most (blog/thread.py): depth is the crowd's choice, and PostgreSQL limits an index row.
CREATE INDEX replies_thread ON replies (post_id, path);
CREATE INDEX replies_time ON replies (post_id, published_at, id) WHERE shown = 1;
CREATE INDEX replies_parent ON replies (parent_id);
CREATE INDEX replies_actor ON replies (actor_id);
CREATE INDEX replies_received ON replies (received_at);
CREATE INDEX replies_orphans ON replies (in_reply_to) WHERE state = 'orphan';
CREATE INDEX replies_held ON replies (received_at) WHERE state = 'held';

-- What arrived, compressed; never served.
CREATE TABLE reply_sources (
  reply_id BIGINT PRIMARY KEY REFERENCES replies (id) ON DELETE CASCADE, original BLOB NOT NULL);

CREATE TABLE reactions (
  id BIGINT PRIMARY KEY, kind TEXT NOT NULL, actor_id BIGINT NOT NULL REFERENCES actors (id),
  post_id BIGINT REFERENCES posts (id), reply_id BIGINT REFERENCES replies (id), emoji TEXT NOT NULL, activity_uri TEXT NOT NULL,
  public INTEGER NOT NULL, created_at BIGINT NOT NULL);
CREATE UNIQUE INDEX reactions_post ON reactions (post_id, kind, actor_id) WHERE post_id IS NOT NULL;
CREATE UNIQUE INDEX reactions_reply ON reactions (reply_id, kind, actor_id) WHERE reply_id IS NOT NULL;
CREATE INDEX reactions_actor ON reactions (actor_id);
CREATE INDEX reactions_activity ON reactions (activity_uri);
CREATE INDEX reactions_created ON reactions (created_at);

CREATE TABLE followers (
  actor_id BIGINT NOT NULL REFERENCES actors (id), target_id BIGINT NOT NULL REFERENCES actors (id), state TEXT NOT NULL,
  follow_uri TEXT NOT NULL, follow_json TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (target_id, actor_id));
CREATE INDEX followers_actor ON followers (actor_id);

-- What we say, kept in the transaction of the act itself. audience is JSON: see storage/outgoing.py.
CREATE TABLE outgoing (
  id BIGINT PRIMARY KEY, uri TEXT NOT NULL UNIQUE, actor_id BIGINT NOT NULL REFERENCES actors (id), type TEXT NOT NULL,
  object_uri TEXT NOT NULL, body BLOB NOT NULL, audience TEXT NOT NULL, public INTEGER NOT NULL, created_at BIGINT NOT NULL,
  expanded_at BIGINT);
CREATE INDEX outgoing_waiting ON outgoing (id) WHERE expanded_at IS NULL;
CREATE INDEX outgoing_actor ON outgoing (actor_id, public, id);
CREATE INDEX outgoing_object ON outgoing (object_uri);

CREATE TABLE deliveries (
  id BIGINT PRIMARY KEY, activity_id BIGINT NOT NULL REFERENCES outgoing (id), object_uri TEXT NOT NULL, inbox TEXT NOT NULL, host TEXT NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at BIGINT NOT NULL, lease_until BIGINT NOT NULL, first_try_at BIGINT,
  last_status INTEGER, last_error TEXT NOT NULL, done_at BIGINT, UNIQUE (activity_id, inbox));
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX deliveries_host ON deliveries (host, id) WHERE state = 'waiting';
CREATE INDEX deliveries_object ON deliveries (object_uri, inbox, activity_id);
CREATE INDEX deliveries_failed ON deliveries (id) WHERE state = 'failed';

CREATE TABLE hosts (
  host TEXT PRIMARY KEY, failures INTEGER NOT NULL, failing_since BIGINT, open_until BIGINT NOT NULL, last_success_at BIGINT,
  scheme TEXT NOT NULL, scheme_at BIGINT NOT NULL, claimed BIGINT NOT NULL DEFAULT 0);

CREATE TABLE jobs (
  id BIGINT PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, payload TEXT NOT NULL, attempts INTEGER NOT NULL, due_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL, last_error TEXT NOT NULL, UNIQUE (kind, key));
CREATE INDEX jobs_due ON jobs (due_at);

-- Activities taken: (type, id) within the sender's origin (INB-05), 30 days.
CREATE TABLE received (
  type TEXT NOT NULL, uri TEXT NOT NULL, received_at BIGINT NOT NULL, PRIMARY KEY (uri, type));
CREATE INDEX received_at ON received (received_at);

-- An Undo that came before its act (INB-22).
CREATE TABLE undone (
  actor_uri TEXT NOT NULL, type TEXT NOT NULL, object_uri TEXT NOT NULL, activity_uri TEXT NOT NULL, until BIGINT NOT NULL,
  PRIMARY KEY (actor_uri, type, object_uri, activity_uri));

CREATE TABLE tombstones (
  uri TEXT PRIMARY KEY, former_type TEXT NOT NULL, actor_uri TEXT NOT NULL, deleted_at BIGINT NOT NULL, local INTEGER NOT NULL);

CREATE TABLE blocks (
  kind TEXT NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (kind, value));

-- An actor that blocks one of ours: it gets nothing from them (INB-29).
CREATE TABLE blocked_by (
  actor_id BIGINT NOT NULL REFERENCES actors (id), target_id BIGINT NOT NULL REFERENCES actors (id), created_at BIGINT NOT NULL,
  PRIMARY KEY (actor_id, target_id));

CREATE TABLE reports (
  id BIGINT PRIMARY KEY, activity_uri TEXT NOT NULL UNIQUE, reporter_uri TEXT NOT NULL, objects TEXT NOT NULL, content TEXT NOT NULL,
  created_at BIGINT NOT NULL, resolved_at BIGINT);

CREATE TABLE inbox_log (
  id BIGINT PRIMARY KEY, received_at BIGINT NOT NULL, activity_uri TEXT NOT NULL, type TEXT NOT NULL, actor_uri TEXT NOT NULL,
  host TEXT NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL);
CREATE INDEX inbox_log_activity ON inbox_log (activity_uri);

CREATE TABLE login_attempts (bucket TEXT NOT NULL, at BIGINT NOT NULL);
CREATE INDEX login_attempts_bucket ON login_attempts (bucket, at);
