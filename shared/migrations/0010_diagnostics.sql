-- What the compiler complains of in a failed build, read from its log once: the log itself may be large.

CREATE TABLE diagnostics (
    job_id   TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number   INTEGER NOT NULL CHECK (number BETWEEN 0 AND 19),     -- in the order of the log
    layer    INTEGER CHECK (layer >= 0),                           -- NULL: the compiler does not say where
    line     INTEGER CHECK (line > 0),                             -- of that layer's KLL file
    key      TEXT,
    pointer  TEXT,                                                 -- into the request
    message  TEXT    NOT NULL,
    compiler TEXT    NOT NULL,
    PRIMARY KEY (job_id, number)
) STRICT, WITHOUT ROWID;
