-- Every upload of a recording. A recording of before has no row here: it is its
-- own only version, and sha256 of its row is empty.
CREATE TABLE recording_versions (
    recording_id TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    account      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    sha256       TEXT    NOT NULL,
    doc          TEXT    NOT NULL,
    PRIMARY KEY (recording_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX recording_versions_by_content ON recording_versions (sha256);

ALTER TABLE recordings ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE recordings ADD COLUMN sha256  TEXT    NOT NULL DEFAULT '';
-- Versions up to this one are taken back; revoke_final is when calls that wait because of it end.
ALTER TABLE recordings ADD COLUMN revoked_through INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN revoked_at      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN revoke_final    INTEGER NOT NULL DEFAULT 0;
CREATE INDEX recordings_by_content ON recordings (sha256);

-- Content that nobody refers to and that is being deleted. Whoever would refer
-- to it anew waits until that is done.
CREATE TABLE condemned_content (
    sha256  TEXT PRIMARY KEY,
    account TEXT    NOT NULL DEFAULT 'main',
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
