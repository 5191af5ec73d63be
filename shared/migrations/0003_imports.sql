-- How far another program's table has been taken over, so that the same file adds nothing a second time and an
-- import that was killed goes on where it was. Marks are keyed hashes, as `client` is.

CREATE TABLE imports (
    id         INTEGER PRIMARY KEY,
    first_id   INTEGER NOT NULL,
    first_mark TEXT    NOT NULL UNIQUE,                       -- of the source's first row: which source it is
    last_id    INTEGER NOT NULL,                              -- rows up to this one are dealt with
    last_mark  TEXT    NOT NULL,                              -- of that row: knows a source whose old rows are gone
    taken      INTEGER NOT NULL CHECK (taken >= 0),
    left_out   INTEGER NOT NULL CHECK (left_out >= 0),
    changed_at INTEGER NOT NULL
) STRICT;
