-- Statistics read the ends of one account in their order, whatever others have.
CREATE INDEX calls_ended ON calls (account, ended_at, id) WHERE is_over = 1;
