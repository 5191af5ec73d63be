-- What an operator looks at: each container that was made for a build, and how the last hour, day and month went.

-- A row for each container, with all that it was given, so that anybody can run it again by hand.
CREATE TABLE attempts (
    job_id       TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    epoch        INTEGER NOT NULL,                            -- the claim that made it
    at           INTEGER NOT NULL,
    worker       TEXT    NOT NULL,
    engine_id    TEXT    NOT NULL,
    container_id TEXT    NOT NULL,
    spec         TEXT    NOT NULL,                            -- image, user, mounts, limits
    PRIMARY KEY (job_id, epoch),
    CONSTRAINT spec_is_json CHECK (json_valid(spec))
) STRICT;

-- How many builds ended in a minute or an hour, how they ended, and how long they waited and took: small histograms, so
-- that a plot costs the same with ten builds and with ten million. `waited` and `took` count the builds that needed at
-- most `at_most` milliseconds and more than the bound before it. Counting begins with this migration.
CREATE TABLE timeline (
    span    TEXT    NOT NULL,
    start   INTEGER NOT NULL,                                 -- when that minute or hour began
    what    TEXT    NOT NULL,
    at_most INTEGER NOT NULL,                                 -- 0 where it is no length of time
    builds  INTEGER NOT NULL CHECK (builds > 0),
    PRIMARY KEY (span, start, what, at_most),
    CONSTRAINT span_known CHECK (span IN ('minute', 'hour')),
    CONSTRAINT what_known CHECK (what IN ('succeeded', 'failed', 'cancelled', 'waited', 'took')),
    CONSTRAINT length_of_time CHECK ((what IN ('waited', 'took')) = (at_most > 0))
) STRICT, WITHOUT ROWID;

-- Each a quarter above the one before, up to a day and a little.
CREATE TABLE timeline_bounds (ms INTEGER PRIMARY KEY NOT NULL) STRICT;
INSERT INTO timeline_bounds (ms)
WITH RECURSIVE bound (ms) AS (SELECT 10 UNION ALL SELECT ms * 5 / 4 + 1 FROM bound WHERE ms < 100000000)
SELECT ms FROM bound UNION ALL SELECT 9223372036854775807;

-- What was cancelled says nothing about how long builds take.
CREATE TRIGGER jobs_end_is_on_the_timeline AFTER UPDATE OF status ON jobs
    WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
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
