-- What people of the blog decided about replies: it can be explained, and undone. before_* is how it was until then;
-- before_standing the author's standing (actors.approved: 1 trusted, 0 nothing said, -1 known for spam).
CREATE TABLE decisions (
  id BIGINT PRIMARY KEY, reply_id BIGINT NOT NULL REFERENCES replies (id) ON DELETE CASCADE,
  account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL, kind TEXT NOT NULL, before_state TEXT NOT NULL,
  before_reason TEXT NOT NULL, before_standing INTEGER NOT NULL, created_at BIGINT NOT NULL, undone_at BIGINT);
CREATE INDEX decisions_reply ON decisions (reply_id);
CREATE INDEX decisions_account ON decisions (account_id);
