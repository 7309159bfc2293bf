-- What was counted on a day (UTC, days since 1970): sums only, never anything of one person. post_id 0: a page that is no
-- post, by its path; '*' is the whole blog.
CREATE TABLE stat_views (
  day BIGINT NOT NULL, post_id BIGINT NOT NULL, page TEXT NOT NULL, views BIGINT NOT NULL, visitors BIGINT NOT NULL,
  PRIMARY KEY (day, post_id, page));
CREATE INDEX stat_views_post ON stat_views (post_id, day);

CREATE TABLE stat_referrers (
  day BIGINT NOT NULL, post_id BIGINT NOT NULL, host TEXT NOT NULL, views BIGINT NOT NULL, PRIMARY KEY (day, post_id, host));
CREATE INDEX stat_referrers_post ON stat_referrers (post_id, day);

-- subscribers: as the reader's program tells them, 0 where it reads for one person.
CREATE TABLE stat_feeds (
  day BIGINT NOT NULL, feed TEXT NOT NULL, reader TEXT NOT NULL, hits BIGINT NOT NULL, visitors BIGINT NOT NULL,
  subscribers BIGINT NOT NULL, PRIMARY KEY (day, feed, reader));

-- How many followers one of ours had at the end of a day.
CREATE TABLE stat_followers (
  day BIGINT NOT NULL, actor_id BIGINT NOT NULL REFERENCES actors (id) ON DELETE CASCADE, followers BIGINT NOT NULL,
  PRIMARY KEY (day, actor_id));
CREATE INDEX stat_followers_actor ON stat_followers (actor_id, day);
