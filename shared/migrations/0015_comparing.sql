-- Some of the builds that started warm are built again cold, and compared. Such a comparison is a row of `jobs` like any
-- other, so that lease, rescue and limits are the same; and nobody's build, so that it is in no figure about builds.

ALTER TABLE jobs ADD COLUMN cold INTEGER NOT NULL DEFAULT 0 CHECK (cold IN (0, 1));   -- 1: told to use nothing prepared
ALTER TABLE jobs ADD COLUMN compares TEXT                     -- the build that this one is held against; NULL: somebody's
    CHECK (compares IS NULL OR (length(compares) = 36 AND kept = 0));
ALTER TABLE jobs ADD COLUMN compared TEXT                     -- NULL: not yet, or it ended in a way that says nothing
    CHECK (compared IS NULL OR (compares IS NOT NULL AND compared IN ('same', 'different')));
ALTER TABLE jobs ADD COLUMN doubted_by TEXT                   -- the comparison by which this build may be wrong
    CHECK (doubted_by IS NULL OR (length(doubted_by) = 36 AND kept = 0));

-- Those that wait are counted before there is another; those of one build are found when it is erased.
CREATE INDEX jobs_comparing ON jobs (status) WHERE compares IS NOT NULL;
CREATE INDEX jobs_comparisons_of ON jobs (compares) WHERE compares IS NOT NULL;

-- Keyboards that an image does not build warm any more. By the image's id: one that is made anew is trusted anew.
CREATE TABLE cold_keyboards (
    image      TEXT    NOT NULL,
    keyboard   TEXT    NOT NULL,                              -- the name that its layouts are filed under
    controller TEXT    NOT NULL,
    at         INTEGER NOT NULL CHECK (at >= 0),
    warm_build TEXT,                                          -- NULL: an operator did it
    cold_build TEXT,
    PRIMARY KEY (image, keyboard),
    CONSTRAINT found_or_done CHECK ((warm_build IS NULL) = (cold_build IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE comparisons (
    result TEXT    PRIMARY KEY NOT NULL CHECK (result IN ('same', 'different', 'not_compared')),
    times  INTEGER NOT NULL CHECK (times >= 0)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER jobs_comparison_is_counted AFTER UPDATE OF status ON jobs
    WHEN NEW.compares IS NOT NULL AND OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
BEGIN
    INSERT INTO comparisons (result, times) VALUES (coalesce(NEW.compared, 'not_compared'), 1)
    ON CONFLICT (result) DO UPDATE SET times = times + 1;
END;

-- What counts builds passes comparisons over. As in 0006, but with the row named: without that, SQLite makes and drops a
-- table for each build that comes in, to remember which rows it will change.
DROP TRIGGER jobs_one_more_waits;
DROP TRIGGER jobs_waits_or_not;
DROP TRIGGER jobs_one_less_waits;
DROP TRIGGER jobs_client_is_served;
CREATE TRIGGER jobs_one_more_waits AFTER INSERT ON jobs WHEN NEW.status = 'queued' AND NEW.compares IS NULL
BEGIN
    UPDATE service SET waiting = waiting + 1 WHERE one = 1;
END;
CREATE TRIGGER jobs_waits_or_not AFTER UPDATE OF status ON jobs
    WHEN (OLD.status = 'queued') <> (NEW.status = 'queued') AND NEW.compares IS NULL
BEGIN
    UPDATE service SET waiting = waiting + iif(NEW.status = 'queued', 1, -1) WHERE one = 1;
END;
CREATE TRIGGER jobs_one_less_waits AFTER DELETE ON jobs WHEN OLD.status = 'queued' AND OLD.compares IS NULL
BEGIN
    UPDATE service SET waiting = waiting - 1 WHERE one = 1;
END;
CREATE TRIGGER jobs_client_is_served AFTER UPDATE OF status ON jobs
    WHEN OLD.status = 'queued' AND NEW.status = 'running' AND NEW.compares IS NULL
BEGIN
    INSERT INTO served (client, turn) VALUES (NEW.client, NEW.turn)
    ON CONFLICT (client) DO UPDATE SET turn = max(turn, excluded.turn);
    DELETE FROM served WHERE turn < (SELECT turn FROM service);
END;

-- As in 0011:
DROP TRIGGER jobs_end_is_counted;
CREATE TRIGGER jobs_end_is_counted AFTER UPDATE OF status ON jobs
    WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL AND NEW.compares IS NULL
BEGIN
    INSERT INTO endings (keyboard, version, outcome, builds)
    VALUES (NEW.keyboard, NEW.version, coalesce(NEW.reason, NEW.status), 1)
    ON CONFLICT (keyboard, version, outcome) DO UPDATE SET builds = builds + 1;
    -- A build that was cancelled while it waited again has run before, and what it waited since is not known.
    INSERT INTO durations (phase, keyboard, version, at_most, builds, ms)
    SELECT phase, NEW.keyboard, NEW.version, (SELECT min(bound.ms) FROM duration_bounds bound WHERE bound.ms >= took), 1, took
    FROM (SELECT 'waiting' AS phase, max(0, NEW.started_at - NEW.created_at) AS took
          UNION ALL SELECT 'preparing', max(0, NEW.container_started_at - NEW.started_at)
          UNION ALL SELECT 'building', max(0, NEW.container_ended_at - NEW.container_started_at)
          UNION ALL SELECT 'finishing', max(0, NEW.finished_at - NEW.container_ended_at))
    WHERE took IS NOT NULL AND OLD.status = 'running'
    ON CONFLICT (phase, keyboard, version, at_most) DO UPDATE SET builds = builds + 1, ms = ms + excluded.ms;
END;

-- As in 0012:
DROP TRIGGER jobs_end_is_on_the_timeline;
CREATE TRIGGER jobs_end_is_on_the_timeline AFTER UPDATE OF status ON jobs
    WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL AND NEW.compares IS NULL
BEGIN
    INSERT INTO timeline (span, start, what, at_most, builds)
    SELECT span, NEW.finished_at - NEW.finished_at % length, what, at_most, 1
    FROM (SELECT 'minute' AS span, 60000 AS length UNION ALL SELECT 'hour', 3600000),
         (SELECT NEW.status AS what, 0 AS at_most
          UNION ALL
          SELECT what, (SELECT min(bound.ms) FROM timeline_bounds bound WHERE bound.ms >= needed)
          FROM (SELECT 'waited' AS what, NEW.started_at - NEW.created_at AS needed
                UNION ALL SELECT 'took', NEW.finished_at - NEW.started_at)
          WHERE needed IS NOT NULL AND OLD.status = 'running' AND NEW.status <> 'cancelled')
    WHERE true
    ON CONFLICT (span, start, what, at_most) DO UPDATE SET builds = builds + 1;
END;

DROP VIEW queue;
CREATE VIEW queue AS
SELECT id, status, reason, keyboard, layout, version, controller, priority, turn, attempts,
       datetime(created_at / 1000, 'unixepoch')  AS created,
       datetime(due_at / 1000, 'unixepoch')      AS due,
       datetime(started_at / 1000, 'unixepoch')  AS started,
       datetime(finished_at / 1000, 'unixepoch') AS finished,
       round((finished_at - started_at) / 1000.0, 1) AS seconds,
       lease_owner AS worker, lease_epoch,
       datetime(lease_until / 1000, 'unixepoch') AS lease_ends,
       substr(container_id, 1, 12) AS container, artifact_file, artifact_bytes, detail,
       cold, compares, compared, doubted_by
FROM jobs ORDER BY id DESC;
