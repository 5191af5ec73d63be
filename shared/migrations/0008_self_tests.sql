-- What an engine was seen to enforce, so that a worker's restart does not pay for looking again. The key stands for
-- engine, kernel, image and flags; another of any of them is another row.
CREATE TABLE self_tests (
    key      TEXT    PRIMARY KEY NOT NULL,
    at       INTEGER NOT NULL,
    about    TEXT    NOT NULL,                                -- the engine, for people
    missing  TEXT    NOT NULL DEFAULT '',                     -- limits that it does not enforce, with commas between
    CONSTRAINT key_is_hex CHECK (length(key) = 64 AND key NOT GLOB '*[^0-9a-f]*')
) STRICT;
