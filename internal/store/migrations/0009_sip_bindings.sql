-- Where PBXs and softphones are that registered with us.
CREATE TABLE sip_bindings (
    node          TEXT    NOT NULL,
    sip_user      TEXT    NOT NULL,
    contact       TEXT    NOT NULL,
    account       TEXT    NOT NULL,
    expires_at    INTEGER NOT NULL,
    doc           TEXT    NOT NULL,
    PRIMARY KEY (node, sip_user, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX sip_bindings_by_user ON sip_bindings (account, sip_user);
