-- What came from other systems' files (archive/).

-- 1: a comment that is only here. It has no address elsewhere, nobody is told of it and it is in no collection.
ALTER TABLE replies ADD COLUMN imported INTEGER NOT NULL DEFAULT 0;
CREATE INDEX replies_imported ON replies (post_id) WHERE imported = 1;

-- What an import made, by the name that the thing had where it came from: a second run finds it.
CREATE TABLE imports (key TEXT PRIMARY KEY, kind TEXT NOT NULL, thing_id BIGINT NOT NULL, imported_at BIGINT NOT NULL);
CREATE INDEX imports_thing ON imports (thing_id);

-- Paths at which a post was found before it came here; they redirect to it.
CREATE TABLE old_paths (path TEXT PRIMARY KEY, post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE);
CREATE INDEX old_paths_post ON old_paths (post_id);
