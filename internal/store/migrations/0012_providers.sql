-- The keys with which software speaks to facades. Secrets are readable: signatures
-- are checked with them.
CREATE TABLE facade_keys (
    id               TEXT PRIMARY KEY,
    account          TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    public           TEXT    NOT NULL,
    secret           TEXT    NOT NULL,
    old_secret       TEXT    NOT NULL,
    old_secret_until INTEGER NOT NULL,
    last_used_at     INTEGER NOT NULL DEFAULT 0,
    doc              TEXT    NOT NULL,
    UNIQUE (kind, public)
) STRICT;
CREATE INDEX facade_keys_by_account ON facade_keys (account, id);

-- What was said between us and providers, sinks and the users of facades: the last
-- of it. An erasure removes what has a number in it.
CREATE TABLE exchanges (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    account  TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    provider TEXT    NOT NULL,
    outgoing INTEGER NOT NULL,
    method   TEXT    NOT NULL,
    call_id  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    doc      TEXT    NOT NULL
) STRICT;
CREATE INDEX exchanges_by_account ON exchanges (account, id);
CREATE INDEX exchanges_by_time    ON exchanges (at, id);

-- What people changed, while we run, of how a provider is spoken to.
CREATE TABLE provider_tls (
    provider TEXT PRIMARY KEY,
    account  TEXT NOT NULL DEFAULT 'main',
    mode     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE provider_certificates (
    provider    TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    account     TEXT    NOT NULL DEFAULT 'main',
    pem         TEXT    NOT NULL,
    added_by    TEXT    NOT NULL,
    added_at    INTEGER NOT NULL,
    PRIMARY KEY (provider, fingerprint)
) STRICT, WITHOUT ROWID;
