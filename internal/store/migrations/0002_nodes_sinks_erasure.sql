-- Several nodes, sinks of every kind, erasure and retention.

-- stopped_at is set by a clean stop and cleared by a start: a node that starts
-- and finds 0 after its first start did not stop cleanly.
ALTER TABLE nodes ADD COLUMN stopped_at INTEGER NOT NULL DEFAULT 0;
-- home is the data directory this node runs in: one that starts in the same
-- one again takes its name back at once, anybody else waits for the lease.
ALTER TABLE nodes ADD COLUMN home TEXT NOT NULL DEFAULT '';

-- Work that exactly one node of several does at a time (fan-out, texts,
-- retention). It is held as long as (node, fence) is that of the table nodes;
-- lease_until only tells people how long that is at least.
CREATE TABLE leases (
    name        TEXT PRIMARY KEY,
    account     TEXT    NOT NULL DEFAULT 'main',
    node        TEXT    NOT NULL,
    fence       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_of_node ON calls (node, id) WHERE is_over = 0;
CREATE INDEX calls_by_end  ON calls (ended_at, id) WHERE is_over = 1;
ALTER TABLE calls ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;

-- A destination of any kind; kind 'webhook' is the one that was there first.
-- After a rotation both secrets sign until old_secret_until.
ALTER TABLE webhooks ADD COLUMN kind             TEXT    NOT NULL DEFAULT 'webhook';
ALTER TABLE webhooks ADD COLUMN old_secret       TEXT    NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN old_secret_until INTEGER NOT NULL DEFAULT 0;

-- How a destination as a whole is doing; no row is well.
CREATE TABLE destination_health (
    webhook_id     TEXT PRIMARY KEY,
    account        TEXT    NOT NULL,
    failing_since  INTEGER NOT NULL,
    failures       INTEGER NOT NULL,
    probe_at       INTEGER NOT NULL,
    auth_failed_at INTEGER NOT NULL,
    last_error     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- gap: an earlier event of the lane was given up, the receiver is told so.
ALTER TABLE deliveries ADD COLUMN gap      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN sent_at  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN took_us  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN response TEXT    NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN replays  INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_done ON deliveries (done_at, id) WHERE state <> 'pending';
CREATE INDEX deliveries_of_event ON deliveries (event_pos);

-- What a sink must remember about one subject (the CRM's own id of a call …).
CREATE TABLE sink_states (
    webhook_id TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, subject)
) STRICT, WITHOUT ROWID;

-- Credentials that change by themselves (OAuth refresh tokens), as JSON.
CREATE TABLE credentials (
    account    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    doc        TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE sms ADD COLUMN provider_id TEXT    NOT NULL DEFAULT '';
ALTER TABLE sms ADD COLUMN sent_at     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sms ADD COLUMN reported_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sms ADD COLUMN tries       INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sms ADD COLUMN next_at     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sms ADD COLUMN node        TEXT    NOT NULL DEFAULT '';
CREATE INDEX sms_lane        ON sms (account, callee, created_at, id) WHERE state IN ('queued', 'sending');
CREATE INDEX sms_by_account  ON sms (account, id);
CREATE INDEX sms_of_call     ON sms (call_id);
CREATE INDEX sms_by_callee   ON sms (account, callee);
CREATE INDEX sms_by_provider ON sms (provider_id) WHERE provider_id <> '';
-- When a token was last used, to a few minutes: it is not written with every request.
ALTER TABLE tokens ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX audit_by_account ON audit (account, id);

-- Retention and erasure find what they look for by these. events_lasting holds
-- the events of everything that is no call, the fewest of the log.
CREATE INDEX events_lasting ON events (time, pos) WHERE subject <> 'call:' || call_id;
CREATE INDEX attempts_by_callee ON attempts (account, callee);
CREATE INDEX sink_states_by_subject ON sink_states (account, subject);
CREATE INDEX audit_by_object ON audit (account, object, id);
CREATE INDEX audit_by_time ON audit (at, id);
