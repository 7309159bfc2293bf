-- Pictures that authors uploaded. The files lie in data_dir/media under `name`; `widths` lists the variants that there are.
CREATE TABLE media (
  id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, owner_id BIGINT NOT NULL REFERENCES actors (id),
  alt TEXT NOT NULL, filename TEXT NOT NULL, source_hash TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  widths TEXT NOT NULL, blurhash TEXT NOT NULL, bytes BIGINT NOT NULL, created_at BIGINT NOT NULL);
CREATE UNIQUE INDEX media_source ON media (owner_id, kind, source_hash);

-- Which posts show a picture, as of their last save.
CREATE TABLE media_uses (
  media_id BIGINT NOT NULL REFERENCES media (id) ON DELETE CASCADE, post_id BIGINT NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
  PRIMARY KEY (media_id, post_id));
CREATE INDEX media_uses_post ON media_uses (post_id);
