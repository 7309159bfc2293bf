-- How an author is told of what happens. seen_at: they looked at the list in the studio. muted: kinds they don't want, JSON.
-- mail: off, immediate, daily, weekly. *_told_at: everything before that was sent, or is not wanted. *_error: why the last
-- try failed, "" when it worked. unsubscribe: in the link that ends the mails. ntfy_token is sealed.
CREATE TABLE notice_settings (
  account_id BIGINT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE, seen_at BIGINT NOT NULL, muted TEXT NOT NULL,
  mail TEXT NOT NULL, mail_told_at BIGINT NOT NULL, mail_error TEXT NOT NULL, mail_tried_at BIGINT NOT NULL,
  ntfy_url TEXT NOT NULL, ntfy_token BLOB, push_told_at BIGINT NOT NULL, push_error TEXT NOT NULL,
  push_tried_at BIGINT NOT NULL, unsubscribe TEXT NOT NULL UNIQUE);

-- Browsers that show notices (RFC 8030, 8291): where to, and the keys that only they can read with.
CREATE TABLE push_subscriptions (
  id BIGINT PRIMARY KEY, account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, endpoint TEXT NOT NULL UNIQUE,
  p256dh TEXT NOT NULL, auth TEXT NOT NULL, user_agent TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX push_subscriptions_account ON push_subscriptions (account_id);
