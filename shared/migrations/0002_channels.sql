-- The operator's hand on what people are given: where a name stood before, which controllers are not to be planned
-- with, and who changed what. Additive: rows and columns of before stay as they are.

-- What `back` returns to. An operator who changes `controller` by hand leaves these as they are.
ALTER TABLE versions ADD COLUMN moved_at INTEGER CHECK (moved_at >= 0);
ALTER TABLE versions ADD COLUMN previous TEXT;                -- the controller before the last move
ALTER TABLE versions ADD COLUMN previous_channel TEXT
    CHECK ((previous IS NULL) = (previous_channel IS NULL) AND (previous IS NULL OR moved_at IS NOT NULL));

-- By name and apart from `controllers`, whose rows come and go with the engine's images: a controller that was
-- disabled stays so when its image is made anew.
CREATE TABLE disabled_controllers (
    name TEXT    PRIMARY KEY NOT NULL,
    at   INTEGER NOT NULL CHECK (at >= 0)
) STRICT;

-- Every change that an operator makes through the program, in the transaction that makes it.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL CHECK (at >= 0),
    who     TEXT    NOT NULL,                                 -- as the operator says, or name@host
    what    TEXT    NOT NULL,                                 -- 'move', 'disable'
    subject TEXT    NOT NULL,                                 -- the version or the controller
    details TEXT    NOT NULL DEFAULT '{}',                    -- a JSON object
    CONSTRAINT somebody_did_it   CHECK (who <> ''),
    CONSTRAINT what_is_a_word    CHECK (what <> '' AND what NOT GLOB '*[^a-z_]*'),
    CONSTRAINT details_are_object CHECK (json_valid(details) AND json_type(details) = 'object')
) STRICT;

CREATE VIEW audit_log AS
SELECT id, datetime(at / 1000, 'unixepoch') AS at, who, what, subject, details
FROM audit ORDER BY id DESC;

CREATE VIEW versions_now AS
SELECT v.name, v.channel, v.controller, substr(c.image, 1, 19) AS image, c.version, c.dialect,
       CASE WHEN d.name IS NOT NULL THEN 'disabled' WHEN c.name IS NULL THEN 'absent' ELSE 'there' END AS state,
       v.previous, datetime(v.moved_at / 1000, 'unixepoch') AS moved, v.enabled
FROM versions v
LEFT JOIN controllers c ON c.name = v.controller
LEFT JOIN disabled_controllers d ON d.name = v.controller
ORDER BY v.name;
