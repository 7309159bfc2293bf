-- Custom emoji. A row's `emoji` is a JSON list of [name, key]: what its text, or somebody's name, calls by `:name:`.
ALTER TABLE replies ADD COLUMN emoji TEXT NOT NULL DEFAULT '[]';
ALTER TABLE actors ADD COLUMN emoji TEXT NOT NULL DEFAULT '[]';
ALTER TABLE reactions ADD COLUMN emoji_key TEXT NOT NULL DEFAULT '';
CREATE INDEX replies_emoji ON replies (id) WHERE emoji <> '[]';
CREATE INDEX actors_emoji ON actors (id) WHERE emoji <> '[]';
CREATE INDEX reactions_emoji ON reactions (emoji_key) WHERE emoji_key <> '';

-- Where the picture of a key lies, and the server that named it. public = 1: something that everybody may read names it.
CREATE TABLE emoji (key TEXT PRIMARY KEY, url TEXT NOT NULL, host TEXT NOT NULL, public INTEGER NOT NULL);
