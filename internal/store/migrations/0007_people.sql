-- Caller numbers, employees, groups, what needs a person, narrower blocks.

CREATE TABLE employees (
    id         TEXT PRIMARY KEY,
    account    TEXT    NOT NULL,
    extension  TEXT    NOT NULL,
    phone      TEXT    NOT NULL,
    sip_user   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
) STRICT;
CREATE INDEX employees_by_account ON employees (account, id);
CREATE INDEX employees_by_extension ON employees (account, extension) WHERE extension <> '';
CREATE INDEX employees_by_sip_user ON employees (sip_user) WHERE sip_user <> '';
CREATE INDEX employees_by_phone ON employees (account, phone) WHERE phone <> '';

CREATE TABLE hunt_groups (
    account    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE caller_numbers (
    account    TEXT    NOT NULL,
    number     TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    pool       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX caller_numbers_by_number ON caller_numbers (number, account);
CREATE INDEX caller_numbers_by_pool ON caller_numbers (account, pool, number) WHERE pool <> '';

-- What a caller number did on a day of UTC (days since 1970).
CREATE TABLE number_days (
    account  TEXT    NOT NULL,
    number   TEXT    NOT NULL,
    day      INTEGER NOT NULL,
    dialled  INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    talk_ms  INTEGER NOT NULL,
    PRIMARY KEY (account, number, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX number_days_by_day ON number_days (day);

-- Calls that need a person. A row goes with its call.
CREATE TABLE attention (
    id         TEXT PRIMARY KEY,
    account    TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    why        TEXT    NOT NULL,
    number     TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    taken_by   TEXT    NOT NULL,
    taken_at   INTEGER NOT NULL,
    done_by    TEXT    NOT NULL,
    done_at    INTEGER NOT NULL,
    note       TEXT    NOT NULL
) STRICT;
CREATE INDEX attention_by_account ON attention (account, state, id);
CREATE INDEX attention_by_call ON attention (call_id);
CREATE INDEX attention_by_number ON attention (account, number) WHERE number <> '';

-- A block of the whole account stays in blacklist; narrower ones have a table of
-- their own, since there may be several of one number.
ALTER TABLE blacklist ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE blacklist ADD COLUMN digit      TEXT    NOT NULL DEFAULT '';
ALTER TABLE blacklist ADD COLUMN digit_at   INTEGER NOT NULL DEFAULT 0;
CREATE INDEX blacklist_by_expiry ON blacklist (expires_at) WHERE expires_at > 0;
CREATE TABLE narrow_blocks (
    account    TEXT    NOT NULL,
    number     TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    digit      TEXT    NOT NULL,
    digit_at   INTEGER NOT NULL,
    PRIMARY KEY (account, number, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX narrow_blocks_by_expiry ON narrow_blocks (expires_at) WHERE expires_at > 0;

-- Ends in the order of the log: call records are exported by it.
CREATE INDEX events_ends ON events (pos, account) WHERE type = 'call.completed';
