-- What is kept for how long. A zip's columns become NULL when it goes, a log's end is written down here. Both come
-- before the files, so that a crash between leaves a file that no row names, and that is found.

ALTER TABLE jobs ADD COLUMN log_gone INTEGER NOT NULL DEFAULT 0 CHECK (log_gone IN (0, 1));

-- In the order in which zips go where room is needed: those of failures first. It holds the sizes, so that their sum
-- needs no look at the rows; the condition is on the size for the same reason.
CREATE INDEX jobs_with_zip ON jobs (status, finished_at, artifact_bytes) WHERE artifact_bytes IS NOT NULL;
CREATE INDEX jobs_with_log ON jobs (finished_at) WHERE finished_at IS NOT NULL AND log_gone = 0;
CREATE INDEX jobs_bare ON jobs (finished_at)
    WHERE finished_at IS NOT NULL AND log_gone = 1 AND artifact_bytes IS NULL;
