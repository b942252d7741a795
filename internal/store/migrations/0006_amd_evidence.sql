-- What people and later models said of who answered. A row goes with its call.
CREATE TABLE amd_evidence (
    call_id     TEXT    NOT NULL PRIMARY KEY,
    account     TEXT    NOT NULL,
    trunk       TEXT    NOT NULL,
    called_at   INTEGER NOT NULL,
    verdict     TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    labelled_by TEXT    NOT NULL,
    labelled_at INTEGER NOT NULL,
    rescored    TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    rescored_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX amd_evidence_labelled ON amd_evidence (account, call_id) WHERE label <> '';
CREATE INDEX amd_evidence_by_time ON amd_evidence (account, called_at) WHERE label <> '';
