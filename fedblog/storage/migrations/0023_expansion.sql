-- How far the deliveries of an activity are made while they are not all made yet (storage/expansion.py), '' at the start.
ALTER TABLE outgoing ADD COLUMN progress TEXT NOT NULL DEFAULT '';
