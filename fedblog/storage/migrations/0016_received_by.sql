-- An activity is taken once for its type, id and actor: ids are not checked beyond the server that they are on, so a
-- neighbour there must not use up what somebody else is about to send. Rows of before ('') hold for every actor.
ALTER TABLE received RENAME TO received_before;
DROP INDEX received_at;
CREATE TABLE received (
  type TEXT NOT NULL, uri TEXT NOT NULL, actor_uri TEXT NOT NULL, received_at BIGINT NOT NULL,
  PRIMARY KEY (uri, type, actor_uri));
INSERT INTO received (type, uri, actor_uri, received_at) SELECT type, uri, '', received_at FROM received_before;
DROP TABLE received_before;
CREATE INDEX received_at ON received (received_at);
