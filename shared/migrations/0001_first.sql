-- The first form of the table that everybody meets at. Times are milliseconds since 1970, UTC.
-- The views at the end are for people; the program reads only the tables. They are STRICT, so that a text where a
-- number belongs is refused when it is written by hand, and not when a worker reads it.

CREATE TABLE jobs (
    id              TEXT    PRIMARY KEY NOT NULL,             -- UUID v7
    fingerprint     TEXT    NOT NULL,                         -- SHA-256 of what is built, 64 hex digits
    status          TEXT    NOT NULL DEFAULT 'queued',
    priority        INTEGER NOT NULL DEFAULT 100,             -- smaller is sooner
    turn            INTEGER NOT NULL,                         -- fair share: a client's next build has a later turn
    client          TEXT    NOT NULL,                         -- keyed hash, never an address

    keyboard        TEXT    NOT NULL,
    layout          TEXT    NOT NULL,
    version         TEXT    NOT NULL,                         -- as asked: a channel or a version
    controller      TEXT    NOT NULL,                         -- '057'
    image           TEXT    NOT NULL,                         -- the image's id at the time of asking
    protocol        INTEGER NOT NULL,                         -- how that image is called, see `controllers`
    dialect         TEXT    NOT NULL,                         -- the KLL that it understands

    created_at      INTEGER NOT NULL,
    due_at          INTEGER,                                  -- not before; NULL: now
    started_at      INTEGER,
    finished_at     INTEGER,

    lease_owner     TEXT,                                     -- the worker's id
    lease_until     INTEGER,
    lease_epoch     INTEGER NOT NULL DEFAULT 0,               -- +1 with each claim; fences `finish`
    attempts        INTEGER NOT NULL DEFAULT 0,               -- containers started, nothing else
    container_id    TEXT,
    engine_id       TEXT,

    reason          TEXT,
    detail          TEXT,                                     -- one line for people
    artifact_file   TEXT,                                     -- below the directory of artifacts
    artifact_bytes  INTEGER,
    artifact_sha256 TEXT,
    kept            INTEGER NOT NULL DEFAULT 0,               -- 1: the answer to later equal requests
    kept_until      INTEGER,                                  -- NULL: until retention removes it

    CONSTRAINT id_is_uuid
        CHECK (id LIKE '________-____-____-____-____________' AND length(replace(id, '-', '')) = 32
               AND id NOT GLOB '*[^0-9a-f-]*'),
    CONSTRAINT fingerprint_is_hex CHECK (length(fingerprint) = 64 AND fingerprint NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT status_known       CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    CONSTRAINT protocol_known     CHECK (protocol IN (1, 2)),
    CONSTRAINT dialect_known      CHECK (dialect IN ('latest', 'lts')),
    CONSTRAINT counts_in_range
        CHECK (lease_epoch BETWEEN 0 AND 4294967295 AND attempts BETWEEN 0 AND 4294967295
               AND (artifact_bytes IS NULL OR artifact_bytes >= 0)),
    CONSTRAINT reason_known       CHECK (reason IS NULL OR reason IN (
        'build_failed', 'timed_out', 'out_of_memory', 'too_many_processes', 'scratch_full', 'file_too_large',
        'output_too_large', 'log_too_large', 'no_artifact', 'worker_lost', 'controller_missing', 'cancelled')),
    CONSTRAINT reason_when_not_succeeded
        CHECK ((status IN ('failed', 'cancelled')) = (reason IS NOT NULL)),
    CONSTRAINT cancelled_says_so  CHECK ((status = 'cancelled') = (reason IS 'cancelled')),
    CONSTRAINT finished_when_final
        CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CONSTRAINT leased_when_running
        CHECK ((status = 'running') = (lease_owner IS NOT NULL) AND (status = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT started_when_running CHECK (status <> 'running' OR started_at IS NOT NULL),
    CONSTRAINT due_only_while_queued CHECK (due_at IS NULL OR status = 'queued'),
    CONSTRAINT artifact_whole
        CHECK ((artifact_file IS NULL) = (artifact_bytes IS NULL) AND (artifact_file IS NULL) = (artifact_sha256 IS NULL)),
    CONSTRAINT artifact_when_final CHECK (artifact_file IS NULL OR status IN ('succeeded', 'failed')),
    CONSTRAINT kept_firmware_is_there CHECK (kept = 0 OR status <> 'succeeded' OR artifact_file IS NOT NULL),
    CONSTRAINT kept_when_answered
        CHECK (kept IN (0, 1) AND (kept = 0 OR status = 'succeeded' OR (status = 'failed' AND reason = 'build_failed')))
) STRICT;

-- One waiting, running or kept row for a fingerprint: two people who ask for the same share one build.
CREATE UNIQUE INDEX jobs_one_per_fingerprint ON jobs (fingerprint)
    WHERE status IN ('queued', 'running') OR kept = 1;
-- The files under /tmp are named by fingerprint; the newest row answers.
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint, id);
-- Partial, so that a million finished rows cost a claim nothing.
CREATE INDEX jobs_waiting ON jobs (priority, turn, id) WHERE status = 'queued' AND due_at IS NULL;
CREATE INDEX jobs_waiting_by_client ON jobs (client, turn) WHERE status = 'queued';
-- The newest durations, for the estimate.
CREATE INDEX jobs_succeeded ON jobs (id) WHERE status = 'succeeded';
CREATE INDEX jobs_due ON jobs (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE status = 'running';

-- What a worker needs to build it. Apart, as it may be ten megabytes and the queue's rows shall stay small.
CREATE TABLE job_inputs (
    job_id   TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    config   TEXT NOT NULL,
    CONSTRAINT config_is_json CHECK (json_valid(config))
) STRICT;

-- The images that the workers' engine has, as last seen.
CREATE TABLE controllers (
    name      TEXT    PRIMARY KEY NOT NULL,                   -- '057' of kiisrv-controller-057
    image     TEXT    NOT NULL,
    engine_id TEXT    NOT NULL,
    protocol  INTEGER NOT NULL,                               -- 1: as the predecessor called them; 2: strict
    dialect   TEXT    NOT NULL,
    channel   TEXT,
    version   TEXT,
    revision  TEXT,
    created   TEXT,
    commits   INTEGER,
    source    TEXT,
    seen_at   INTEGER NOT NULL,
    CONSTRAINT protocol_known CHECK (protocol IN (1, 2)),
    CONSTRAINT dialect_known  CHECK (dialect IN ('latest', 'lts')),
    CONSTRAINT commits_in_range CHECK (commits IS NULL OR commits BETWEEN 0 AND 4294967295)
) STRICT;

-- What people ask for by name. An operator's changes here survive every restart: the rows below are
-- written once, by this migration.
CREATE TABLE versions (
    name       TEXT    PRIMARY KEY NOT NULL,
    channel    TEXT    NOT NULL,
    controller TEXT    NOT NULL,
    enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1))
) STRICT;
INSERT INTO versions (name, channel, controller) VALUES
    ('nightly', 'beta',   '057'),
    ('latest',  'stable', '057'),
    ('lts',     'lts',    '050'),
    ('v0.5.7',  'beta',   '057'),
    ('v0.5.6',  'beta',   '056'),
    ('v0.5.5',  'beta',   '055'),
    ('v0.5.4',  'beta',   '054'),
    ('v0.5.0',  'stable', '050');

CREATE TABLE workers (
    id         TEXT    PRIMARY KEY NOT NULL,                  -- new for each start of a process
    host       TEXT    NOT NULL,
    engine_id  TEXT    NOT NULL,
    slots      INTEGER NOT NULL CHECK (slots > 0),
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    stopping   INTEGER NOT NULL DEFAULT 0 CHECK (stopping IN (0, 1)),
    trouble    TEXT                                           -- why it cannot build just now
) STRICT;

-- Every request that was accepted, for the statistics.
CREATE TABLE requests (
    id         INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    job_id     TEXT    NOT NULL,
    client     TEXT    NOT NULL,
    os         TEXT    NOT NULL,
    platform   TEXT    NOT NULL,
    keyboard   TEXT    NOT NULL,
    layout     TEXT    NOT NULL,
    layers     INTEGER NOT NULL,
    controller TEXT    NOT NULL,
    joined     INTEGER NOT NULL CHECK (joined IN (0, 1))
) STRICT;

-- Kept as requests come, so that /stats costs the same with ten requests and with ten million.
CREATE TABLE counters (
    kind  TEXT    NOT NULL,
    name  TEXT    NOT NULL,
    value INTEGER NOT NULL DEFAULT 0 CHECK (value >= 0),
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE counted_once (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE service (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    turn       INTEGER NOT NULL DEFAULT 0,                    -- the turn that was claimed last
    client_key BLOB    NOT NULL                               -- keys the hashes in `client`
) STRICT;
INSERT INTO service (one, client_key) VALUES (1, randomblob(32));

-- For people with an SQLite client.
CREATE VIEW queue AS
SELECT id, status, reason, keyboard, layout, version, controller, priority, turn, attempts,
       datetime(created_at / 1000, 'unixepoch')  AS created,
       datetime(due_at / 1000, 'unixepoch')      AS due,
       datetime(started_at / 1000, 'unixepoch')  AS started,
       datetime(finished_at / 1000, 'unixepoch') AS finished,
       round((finished_at - started_at) / 1000.0, 1) AS seconds,
       lease_owner AS worker, lease_epoch,
       datetime(lease_until / 1000, 'unixepoch') AS lease_ends,
       substr(container_id, 1, 12) AS container, artifact_file, artifact_bytes, detail
FROM jobs ORDER BY id DESC;

CREATE VIEW workers_seen AS
SELECT id, host, slots, stopping, trouble,
       datetime(started_at / 1000, 'unixepoch') AS started,
       datetime(seen_at / 1000, 'unixepoch')    AS seen
FROM workers ORDER BY seen_at DESC;

CREATE VIEW controllers_seen AS
SELECT name, version, dialect, protocol, substr(image, 1, 19) AS image,
       datetime(seen_at / 1000, 'unixepoch') AS seen
FROM controllers ORDER BY name;
