-- Lists of what is published, the archive and the menu read this and no rows: those hold whole texts.
CREATE INDEX posts_listed ON posts (kind, visibility, status, published_at, id);
