-- What people do with a build once it has ended: flash what is in its zip, or have all of it erased.

-- What in the zip is for a keyboard, with checksums: a JSON list. NULL where nobody has looked. No other column is held
-- against it, as a program of before drops the others without knowing of it.
ALTER TABLE jobs ADD COLUMN artifact_files TEXT
    CHECK (artifact_files IS NULL OR (json_valid(artifact_files) AND json_type(artifact_files) = 'array'));

-- Builds whose rows were erased and whose files are still to go, which a worker does: the API cannot write there.
CREATE TABLE erasing (
    job_id TEXT    PRIMARY KEY NOT NULL,
    at     INTEGER NOT NULL,
    tried  INTEGER NOT NULL DEFAULT 0 CHECK (tried IN (0, 1)),  -- 1: they were removed, and are looked for once more
    CONSTRAINT id_is_uuid CHECK (length(job_id) = 36 AND job_id NOT GLOB '*[^0-9a-f-]*')
) STRICT, WITHOUT ROWID;

-- What is known of one build, and whose layout has a name, without a look at all requests.
CREATE INDEX requests_by_job ON requests (job_id);
CREATE INDEX requests_by_layout ON requests (keyboard, layout);
