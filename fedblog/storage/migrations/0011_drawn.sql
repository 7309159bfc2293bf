-- The rows of a post's first page of replies as they were drawn last, so that a start draws none of them again.

-- changed, redrawn: the thread_version at which this row, or every row under the post, had to be drawn anew last.
ALTER TABLE replies ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN redrawn BIGINT NOT NULL DEFAULT 0;

-- Made of the other tables and of the templates (recipe), so no backup holds it; see storage/drawn.py.
CREATE TABLE drawn_pages (
  post_id BIGINT PRIMARY KEY REFERENCES posts (id) ON DELETE CASCADE, recipe TEXT NOT NULL, version BIGINT NOT NULL,
  pack BLOB NOT NULL);
