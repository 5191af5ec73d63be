-- What a build has been through besides the straight way, and which claim made the container that it runs in.
--
-- A running build whose `lease_owner` is empty was handed over: its worker has left, its container runs on, and the
-- next worker on that engine takes both.

ALTER TABLE jobs ADD COLUMN container_epoch INTEGER           -- NULL: no container yet
    CHECK (container_epoch IS NULL OR container_epoch BETWEEN 1 AND lease_epoch);
ALTER TABLE jobs ADD COLUMN troubles INTEGER NOT NULL DEFAULT 0 CHECK (troubles >= 0);   -- broken under it: tried again
ALTER TABLE jobs ADD COLUMN losses   INTEGER NOT NULL DEFAULT 0 CHECK (losses >= 0);     -- workers that died with it
UPDATE jobs SET container_epoch = lease_epoch WHERE status = 'running' AND container_id IS NOT NULL;

-- Only what is out of the ordinary: a build that goes straight through leaves nothing here.
CREATE TABLE history (
    id     INTEGER PRIMARY KEY,
    job_id TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    what   TEXT    NOT NULL,
    epoch  INTEGER NOT NULL,                                  -- the claim that it happened to
    worker TEXT    NOT NULL,                                  -- who held it then
    detail TEXT,
    CONSTRAINT what_known CHECK (what IN ('handed_over', 'adopted', 'given_back', 'trouble', 'lost', 'set_aside'))
) STRICT;
CREATE INDEX history_by_job ON history (job_id, id);

CREATE VIEW history_log AS
SELECT h.id, datetime(h.at / 1000, 'unixepoch') AS at, h.what, h.job_id, j.keyboard, j.layout, h.epoch, h.worker, h.detail
FROM history h LEFT JOIN jobs j ON j.id = h.job_id ORDER BY h.id DESC;
