-- Campaigns and their contacts. What a contact may have of its own is doc, what
-- its call came to is result. contacts_in_line is the line of a campaign, one a
-- zone key: the next contact of those whose hours are open is one step into it.
CREATE TABLE campaigns (
    id         TEXT PRIMARY KEY,
    account    TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    start_at   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
) STRICT;
CREATE INDEX campaigns_by_account ON campaigns (account, id);
CREATE INDEX campaigns_live ON campaigns (id) WHERE state IN ('running', 'paused');
CREATE INDEX campaigns_to_start ON campaigns (id) WHERE start_at > 0;

CREATE TABLE campaign_counts (
    campaign TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    PRIMARY KEY (campaign, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    campaign TEXT    NOT NULL,
    n        INTEGER NOT NULL,
    account  TEXT    NOT NULL,
    line     INTEGER NOT NULL,
    number   TEXT    NOT NULL,
    ref      TEXT    NOT NULL,
    ckey     TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    zones    TEXT    NOT NULL,
    turn     INTEGER NOT NULL,
    doc      TEXT    NOT NULL,
    call_id  TEXT    NOT NULL DEFAULT '',
    outcome  TEXT    NOT NULL DEFAULT '',
    ended_at INTEGER NOT NULL DEFAULT 0,
    result   TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (campaign, n),
    UNIQUE (campaign, ckey)
) STRICT, WITHOUT ROWID;
CREATE INDEX contacts_in_line   ON contacts (campaign, zones, turn, n) WHERE state = 'waiting';
CREATE INDEX contacts_by_number ON contacts (account, number);
CREATE INDEX contacts_ended     ON contacts (campaign, ended_at) WHERE ended_at > 0;
CREATE INDEX contacts_of_call   ON contacts (call_id) WHERE call_id <> '';

CREATE INDEX calls_live_of_campaign ON calls (account, campaign, status) WHERE is_over = 0 AND campaign <> '';
