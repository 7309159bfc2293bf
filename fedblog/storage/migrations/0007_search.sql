-- What is searched. All of it is made of posts and replies (storage/search.py), so no backup holds it.

-- One row a document: a post, or a reply (reply_id). stamp changes with its text.
CREATE TABLE search_docs (
  id BIGINT PRIMARY KEY, post_id BIGINT NOT NULL, reply_id BIGINT, stamp BIGINT NOT NULL);
CREATE INDEX search_docs_post ON search_docs (post_id);

-- The thread_version of each post when its documents were made.
CREATE TABLE search_state (post_id BIGINT PRIMARY KEY, version BIGINT NOT NULL);

-- The words, folded and split by text/search.py: rowid and id are those of search_docs.
-- @sqlite
CREATE VIRTUAL TABLE search_index USING fts5 (
  title, tags, body, tokenize = "unicode61 remove_diacritics 0 categories 'L* N* M* Co'");
-- @postgresql
CREATE TABLE search_index (id BIGINT PRIMARY KEY, words TSVECTOR NOT NULL);
-- @postgresql
CREATE INDEX search_index_words ON search_index USING GIN (words);
