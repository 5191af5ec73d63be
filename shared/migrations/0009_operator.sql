-- The operator's hand on the whole queue, and on one worker. Both are columns of rows that a claim finds by their key,
-- so that they cost it nothing.

-- NULL: builds are taken. Otherwise no worker takes a new one since then.
ALTER TABLE service ADD COLUMN paused_at INTEGER CHECK (paused_at >= 0);
-- 1: this worker takes no new one. A worker's row is made anew with each start of its process, and then takes again.
ALTER TABLE workers ADD COLUMN draining INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1));

DROP VIEW workers_seen;
CREATE VIEW workers_seen AS
SELECT id, host, slots, draining, stopping, trouble,
       datetime(started_at / 1000, 'unixepoch') AS started,
       datetime(seen_at / 1000, 'unixepoch')    AS seen
FROM workers ORDER BY seen_at DESC;
