-- The first schema. Conventions, for every migration that follows:
--
--   * Times are Unix microseconds in UTC; 0 is "not set".
--   * Every row belongs to an account.
--   * Columns are what is searched for; `doc` is the rest of the row as JSON.
--   * Personal data is erasable without touching order: the skeleton of the
--     log (pos, id, subject's kind, seq, type, time) never changes, while the
--     columns that can name a person are rewritten in place by erase-by-number:
--     events.data and events.line (found by events_by_call from the calls of
--     calls_by_callee and calls_by_caller, and by subject for "number:N"),
--     calls.callee, calls.caller, calls.doc, attempts.callee, attempts.doc,
--     sms.callee, sms.body, blacklist.number. No number is part of a key that
--     other tables refer to.

CREATE TABLE nodes (
    node        TEXT PRIMARY KEY,
    account     TEXT    NOT NULL DEFAULT 'main',
    fence       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE calls (
    id          TEXT PRIMARY KEY,
    account     TEXT    NOT NULL,
    ref         TEXT    NOT NULL,
    series      TEXT    NOT NULL,
    campaign    TEXT    NOT NULL,
    direction   TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    is_over     INTEGER NOT NULL,
    callee      TEXT    NOT NULL,
    caller      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    node        TEXT    NOT NULL,
    fence       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    doc         TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX calls_live_ref ON calls (account, ref) WHERE is_over = 0 AND ref <> '';
CREATE INDEX calls_unfinished  ON calls (created_at, id)          WHERE is_over = 0;
CREATE INDEX calls_by_account  ON calls (account, id);
CREATE INDEX calls_by_callee   ON calls (account, callee, id);
CREATE INDEX calls_by_caller   ON calls (account, caller, id);
CREATE INDEX calls_by_ref      ON calls (account, ref, id)        WHERE ref <> '';
CREATE INDEX calls_by_series   ON calls (account, series, id)     WHERE series <> '';
CREATE INDEX calls_by_campaign ON calls (account, campaign, id)   WHERE campaign <> '';
CREATE INDEX calls_by_outcome  ON calls (account, outcome, id)    WHERE outcome <> '';

CREATE TABLE attempts (
    id          TEXT PRIMARY KEY,
    account     TEXT    NOT NULL,
    call_id     TEXT    NOT NULL REFERENCES calls (id),
    n           INTEGER NOT NULL,
    role        TEXT    NOT NULL,
    trunk       TEXT    NOT NULL,
    callee      TEXT    NOT NULL,
    sip_call_id TEXT    NOT NULL,
    sent_at     INTEGER NOT NULL,
    charged     INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    node        TEXT    NOT NULL,
    fence       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    doc         TEXT    NOT NULL,
    dialog      BLOB,
    UNIQUE (call_id, n)
) STRICT;
CREATE INDEX attempts_of_number ON attempts (account, callee, sent_at) WHERE charged = 1 AND role = 'customer';

CREATE TABLE events (
    pos       INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE,
    account   TEXT    NOT NULL,
    subject   TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    type      TEXT    NOT NULL,
    time      INTEGER NOT NULL,
    call_id   TEXT    NOT NULL,
    ref       TEXT    NOT NULL,
    direction TEXT    NOT NULL,
    line      TEXT    NOT NULL,
    employee  TEXT    NOT NULL,
    data      TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_in_subject ON events (account, subject, seq);
CREATE INDEX events_by_call ON events (call_id, pos) WHERE call_id <> '';
-- A call ends once. Whoever tries to end it again is told, and leaves nothing.
CREATE UNIQUE INDEX events_one_end ON events (subject) WHERE type = 'call.completed';

CREATE TABLE blacklist (
    account    TEXT    NOT NULL,
    number     TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE recordings (
    id         TEXT PRIMARY KEY,
    account    TEXT    NOT NULL,
    record_id  INTEGER UNIQUE,
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
) STRICT;
CREATE INDEX recordings_by_account ON recordings (account, state, id);

CREATE TABLE sequences (
    account TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    next    INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id             TEXT PRIMARY KEY,
    account        TEXT NOT NULL,
    hash           TEXT NOT NULL UNIQUE,
    webhook_secret TEXT NOT NULL,
    doc            TEXT NOT NULL
) STRICT;

CREATE TABLE webhooks (
    id         TEXT PRIMARY KEY,
    account    TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    disabled   INTEGER NOT NULL,
    secret     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
) STRICT;
CREATE INDEX webhooks_lasting ON webhooks (account, id) WHERE call_id = '';
CREATE INDEX webhooks_of_call ON webhooks (call_id)     WHERE call_id <> '';

-- One event on its way to one webhook. The pending rows of one (webhook,
-- subject) are a lane; exactly one of them, the lowest id, is its head:
-- head 1, or 2 while the webhook is disabled. So what is due is found in one
-- small index however long the lanes are.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account     TEXT    NOT NULL,
    webhook_id  TEXT    NOT NULL,
    event_pos   INTEGER NOT NULL,
    event_id    TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    head        INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    last_status INTEGER NOT NULL,
    last_error  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    done_at     INTEGER NOT NULL,
    UNIQUE (webhook_id, event_pos)
) STRICT;
CREATE INDEX deliveries_heads ON deliveries (head, next_at, id) WHERE head > 0;
CREATE INDEX deliveries_lane  ON deliveries (webhook_id, subject, id) WHERE state = 'pending';
CREATE INDEX deliveries_listed ON deliveries (webhook_id, id);

CREATE TABLE cursors (
    name    TEXT PRIMARY KEY,
    account TEXT    NOT NULL DEFAULT 'main',
    pos     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    account    TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    body_hash  TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE sms (
    id         TEXT PRIMARY KEY,
    account    TEXT    NOT NULL,
    call_id    TEXT    NOT NULL,
    callee     TEXT    NOT NULL,
    caller     TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    error      TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sms_open ON sms (state, created_at, id) WHERE state IN ('queued', 'sending');

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT    NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
