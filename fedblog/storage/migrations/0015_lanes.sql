-- Deliveries are claimed by host, those due longest first: one index step a host, however long its lane is, and none for
-- hosts whose lanes are due later. (hosts.claimed, which was the order before, is not used any more.)
DROP INDEX deliveries_due;
CREATE INDEX deliveries_ready ON deliveries (due_at, host) WHERE state = 'waiting';
CREATE INDEX deliveries_leased ON deliveries (host, lease_until) WHERE state = 'waiting' AND lease_until > 0;
