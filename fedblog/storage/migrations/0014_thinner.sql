-- SQLite ends every index with the row's id by itself: named once more it only takes room.
DROP INDEX replies_time;
CREATE INDEX replies_time ON replies (post_id, published_at) WHERE shown = 1;
