-- What a log-in asks for besides the password: one-time codes, codes to keep for the day the phone is lost, passkeys.
CREATE TABLE one_time_codes (
  account_id BIGINT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE, sealed BLOB NOT NULL, created_at BIGINT NOT NULL,
  confirmed_at BIGINT, last_step BIGINT NOT NULL DEFAULT 0);

CREATE TABLE recovery_codes (
  account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, code_hash TEXT NOT NULL,
  PRIMARY KEY (account_id, code_hash));

CREATE TABLE passkeys (
  id BIGINT PRIMARY KEY, account_id BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  credential_id TEXT NOT NULL UNIQUE, public_key BLOB NOT NULL, sign_count BIGINT NOT NULL, name TEXT NOT NULL,
  created_at BIGINT NOT NULL, used_at BIGINT);
CREATE INDEX passkeys_account ON passkeys (account_id);

-- Tickets that were used: each opens one door once.
CREATE TABLE spent_tickets (hash TEXT PRIMARY KEY, until BIGINT NOT NULL);
CREATE INDEX spent_tickets_until ON spent_tickets (until);
