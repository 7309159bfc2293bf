-- What other servers tell about their actors: whether search engines may show what they wrote (FEP-5feb), and since
-- when an actor's own server answers that there is nobody (ACT-16).
ALTER TABLE actors ADD COLUMN indexable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE actors ADD COLUMN missing_since BIGINT;
UPDATE actors SET indexable = 1 WHERE local <> '';
