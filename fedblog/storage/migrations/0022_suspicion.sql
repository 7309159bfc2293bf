-- Words and phrases that hold a reply until somebody approves it. words: folded, as they are compared.
CREATE TABLE word_rules (
  id BIGINT PRIMARY KEY, words TEXT NOT NULL UNIQUE, written TEXT NOT NULL,
  account_id BIGINT REFERENCES accounts (id) ON DELETE SET NULL, created_at BIGINT NOT NULL);

-- What the decisions of people here say about words, linked hosts and servers: how many good replies and how many spam had
-- them. learned_from: what was learned of which reply, so that it can be unlearned.
CREATE TABLE learned (token TEXT PRIMARY KEY, good INTEGER NOT NULL, spam INTEGER NOT NULL);
CREATE TABLE learned_from (
  reply_id BIGINT PRIMARY KEY REFERENCES replies (id) ON DELETE CASCADE, kind TEXT NOT NULL, tokens TEXT NOT NULL);
