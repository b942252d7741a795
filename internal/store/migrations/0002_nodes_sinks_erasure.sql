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
-- Whoever asks for calls that ring or talk now must not read the million that are over.
CREATE INDEX calls_live    ON calls (account, status, id) WHERE is_over = 0;
CREATE INDEX calls_by_end  ON calls (ended_at, id) WHERE is_over = 1;
ALTER TABLE calls ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;

-- A destination of any kind; kind 'webhook' is the one that was there first.
-- After a rotation both secrets sign until old_secret_until. destination is
-- whom a webhook reaches: itself, or for webhooks of single calls everybody at
-- the same origin.
ALTER TABLE webhooks ADD COLUMN kind             TEXT    NOT NULL DEFAULT 'webhook';
ALTER TABLE webhooks ADD COLUMN old_secret       TEXT    NOT NULL DEFAULT '';
ALTER TABLE webhooks ADD COLUMN old_secret_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN destination      TEXT    NOT NULL DEFAULT '';
UPDATE webhooks SET destination = id;

-- How a destination as a whole is doing; no row is well.
CREATE TABLE destination_health (
    destination    TEXT PRIMARY KEY,
    account        TEXT    NOT NULL,
    failing_since  INTEGER NOT NULL,
    failures       INTEGER NOT NULL,
    probe_at       INTEGER NOT NULL,
    auth_failed_at INTEGER NOT NULL,
    last_error     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- gap: it was given up and the receiver has not been told. round_at: since when
-- it is tried. Lanes are in the order of the log, and their heads are found by
-- destination, so that a destination's backlog is in nobody's way.
ALTER TABLE deliveries ADD COLUMN destination TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN round_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN gap      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN sent_at  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN took_us  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN response TEXT    NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN replays  INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET destination = webhook_id, round_at = created_at;
DROP INDEX deliveries_heads;
DROP INDEX deliveries_lane;
CREATE INDEX deliveries_heads  ON deliveries (head, destination, next_at, id) WHERE head > 0;
CREATE INDEX deliveries_lane   ON deliveries (webhook_id, subject, event_pos) WHERE state = 'pending';
CREATE INDEX deliveries_untold ON deliveries (webhook_id, subject, event_pos) WHERE gap = 1;
CREATE INDEX deliveries_dead   ON deliveries (webhook_id, id)                 WHERE state = 'dead';
CREATE INDEX deliveries_done   ON deliveries (done_at, id)                    WHERE state <> 'pending';
CREATE INDEX deliveries_of_event ON deliveries (event_pos);

-- One cursor for the whole outbox takes the place of one for each webhook; those
-- stay as the positions after which their webhooks get events.
INSERT INTO cursors (name, account, pos)
    SELECT 'outbox', 'main', coalesce(min(pos), 0) FROM cursors WHERE name = 'webhooks:calls' OR name LIKE 'webhook:%';
DELETE FROM cursors WHERE name = 'webhooks:calls';

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
    changes    INTEGER NOT NULL,
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
