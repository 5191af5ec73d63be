-- When a build's container started and ended, and what is counted of builds as they come, so that a look at the metrics
-- costs the same with ten rows and with ten million. Triggers count, so that it is right whichever statement moves a
-- row. Counting begins with this migration.

ALTER TABLE jobs ADD COLUMN container_started_at INTEGER;     -- of this run; NULL: not yet, or nobody could say
ALTER TABLE jobs ADD COLUMN container_ended_at   INTEGER;

-- The age of the oldest, in one look.
CREATE INDEX jobs_oldest_waiting ON jobs (created_at) WHERE status = 'queued';

-- How long phases took, as a histogram: each row counts the builds that took at most `at_most` milliseconds and more
-- than the bound before it. In the last one, which has the largest number that fits, are all others.
CREATE TABLE durations (
    phase    TEXT    NOT NULL,
    keyboard TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    at_most  INTEGER NOT NULL,
    builds   INTEGER NOT NULL CHECK (builds >= 0),
    ms       INTEGER NOT NULL CHECK (ms >= 0),                -- of these builds together
    PRIMARY KEY (phase, keyboard, version, at_most),
    CONSTRAINT phase_known CHECK (phase IN ('waiting', 'preparing', 'building', 'finishing'))
) STRICT, WITHOUT ROWID;
CREATE TABLE duration_bounds (ms INTEGER PRIMARY KEY NOT NULL) STRICT;
INSERT INTO duration_bounds (ms) VALUES
    (50), (100), (250), (500), (1000), (2500), (5000), (10000), (30000), (60000), (120000), (300000), (900000),
    (9223372036854775807);

CREATE TABLE endings (
    keyboard TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    outcome  TEXT    NOT NULL,                                -- 'succeeded', or the reason
    builds   INTEGER NOT NULL CHECK (builds >= 0),
    PRIMARY KEY (keyboard, version, outcome)
) STRICT, WITHOUT ROWID;

-- Besides the straight way: the words of `history`. And 'attempt': a container was made.
CREATE TABLE happenings (
    what  TEXT    PRIMARY KEY NOT NULL,
    times INTEGER NOT NULL CHECK (times >= 0)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER jobs_end_is_counted AFTER UPDATE OF status ON jobs
    WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
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

CREATE TRIGGER history_is_counted AFTER INSERT ON history
BEGIN
    INSERT INTO happenings (what, times) VALUES (NEW.what, 1)
    ON CONFLICT (what) DO UPDATE SET times = times + 1;
END;
CREATE TRIGGER jobs_attempt_is_counted AFTER UPDATE OF attempts ON jobs WHEN NEW.attempts > OLD.attempts
BEGIN
    INSERT INTO happenings (what, times) VALUES ('attempt', 1)
    ON CONFLICT (what) DO UPDATE SET times = times + 1;
END;
