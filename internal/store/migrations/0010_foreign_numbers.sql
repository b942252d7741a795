-- The whole numbers by which facades name calls and clips.
CREATE TABLE foreign_numbers (
    id            TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    account       TEXT    NOT NULL,
    n             INTEGER NOT NULL,
    PRIMARY KEY (id, kind, account),
    UNIQUE (kind, n)
) STRICT, WITHOUT ROWID;
