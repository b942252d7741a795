-- What providers call the calls that they placed, or told of.
CREATE TABLE provider_calls (
    account          TEXT    NOT NULL,
    provider         TEXT    NOT NULL,
    provider_call_id TEXT    NOT NULL,
    call_id          TEXT    NOT NULL,
    PRIMARY KEY (account, provider, provider_call_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX provider_calls_by_call ON provider_calls (call_id);
