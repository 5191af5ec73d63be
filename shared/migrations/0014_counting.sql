-- Less to do for each build that comes in.

-- Requests are written down as they come and counted many at a time. Those up to this one are in `counters` and
-- `counted_once`, which is no number of rows: old requests go.
ALTER TABLE service ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
UPDATE service SET counted = (SELECT coalesce(max(id), 0) FROM requests);
-- A request's number is one more than the largest that is there.
CREATE TRIGGER requests_last_one_goes AFTER DELETE ON requests WHEN OLD.id >= (SELECT counted FROM service)
BEGIN
    UPDATE service SET counted = min(counted, (SELECT coalesce(max(id), 0) FROM requests)) WHERE one = 1;
END;

-- By its fingerprint, a row is found in one of two indexes: in `jobs_one_per_fingerprint` or, as a build of before, here.
DROP INDEX jobs_by_fingerprint;
CREATE INDEX jobs_of_before_by_fingerprint ON jobs (fingerprint, id)
    WHERE NOT (status IN ('queued', 'running') OR kept = 1);
