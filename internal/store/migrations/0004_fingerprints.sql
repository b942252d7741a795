-- Announcements that are known by their sound.
CREATE TABLE fingerprints (
    id          TEXT    NOT NULL PRIMARY KEY,
    account     TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    meaning     TEXT    NOT NULL,
    duration_ms INTEGER NOT NULL,
    print       BLOB    NOT NULL,
    added_by    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX fingerprints_by_account ON fingerprints (account, id);
