-- Ids of people whose data was erased, and of what they wrote: SHA-256, so that nothing of them is kept and nothing of it
-- comes back. Of a person's own id it holds for what was published until then.
CREATE TABLE erased (digest TEXT PRIMARY KEY, erased_at BIGINT NOT NULL);
