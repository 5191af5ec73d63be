-- Ended builds, newest first, without those that wait: they are the newest rows, and may be many.
CREATE INDEX jobs_ended ON jobs (id) WHERE finished_at IS NOT NULL;
