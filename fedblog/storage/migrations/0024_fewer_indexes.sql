-- Each index is one more place to write with every like and every activity. One finds what an actor reacted to and by which
-- activity; the log has ten thousand rows, and is asked for one activity by hand only.
DROP INDEX reactions_activity;
DROP INDEX reactions_actor;
CREATE INDEX reactions_actor ON reactions (actor_id, activity_uri);
DROP INDEX inbox_log_activity;
