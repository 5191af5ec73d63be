-- Who asked for a build and still wants it, how many builds wait, and whose turn it was last. The last two are kept by
-- triggers, so that they are right whichever statement moves a row, also an operator's by hand.

-- The last to leave cancels the build.
CREATE TABLE participants (
    job_id  TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    secret  TEXT    NOT NULL,                                 -- SHA-256 of the leave token; '': cannot leave
    client  TEXT    NOT NULL,                                 -- keyed hash, never an address
    at      INTEGER NOT NULL,
    left_at INTEGER,
    PRIMARY KEY (job_id, secret),
    CONSTRAINT secret_is_hashed
        CHECK (secret = '' OR (length(secret) = 64 AND secret NOT GLOB '*[^0-9a-f]*')),
    CONSTRAINT leaving_needs_a_secret CHECK (left_at IS NULL OR secret <> '')
) STRICT, WITHOUT ROWID;
-- Builds from before: nobody knows who wants them, so nobody can cancel them by leaving.
INSERT INTO participants (job_id, secret, client, at)
SELECT id, '', client, created_at FROM jobs WHERE status IN ('queued', 'running');

-- The number of waiting rows, those with a `due_at` too: a count of a hundred thousand for each request would be slow.
ALTER TABLE service ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
UPDATE service SET waiting = (SELECT count(*) FROM jobs WHERE status = 'queued');
CREATE TRIGGER jobs_one_more_waits AFTER INSERT ON jobs WHEN NEW.status = 'queued'
BEGIN
    UPDATE service SET waiting = waiting + 1;
END;
CREATE TRIGGER jobs_waits_or_not AFTER UPDATE OF status ON jobs
    WHEN (OLD.status = 'queued') <> (NEW.status = 'queued')
BEGIN
    UPDATE service SET waiting = waiting + iif(NEW.status = 'queued', 1, -1);
END;
CREATE TRIGGER jobs_one_less_waits AFTER DELETE ON jobs WHEN OLD.status = 'queued'
BEGIN
    UPDATE service SET waiting = waiting - 1;
END;

-- The turn at which a client was served last. Without it, a client that asks for its next build whenever the last one
-- has started would always have the current turn, and so stand before another's second build for ever. A turn that has
-- passed for everybody says nothing more and is removed.
CREATE TABLE served (
    client TEXT    PRIMARY KEY NOT NULL,
    turn   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX served_by_turn ON served (turn);
INSERT INTO served (client, turn)
SELECT client, max(turn) FROM jobs WHERE status = 'running' GROUP BY client;
CREATE TRIGGER jobs_client_is_served AFTER UPDATE OF status ON jobs
    WHEN OLD.status = 'queued' AND NEW.status = 'running'
BEGIN
    INSERT INTO served (client, turn) VALUES (NEW.client, NEW.turn)
    ON CONFLICT (client) DO UPDATE SET turn = max(turn, excluded.turn);
    DELETE FROM served WHERE turn < (SELECT turn FROM service);
END;
