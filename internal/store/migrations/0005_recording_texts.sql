-- What a recording says, by a hash of text and voice; '' for files and prompts.
-- Texts that were spoken before have none and are spoken again once.
ALTER TABLE recordings ADD COLUMN text_key TEXT NOT NULL DEFAULT '';
CREATE INDEX recordings_by_text ON recordings (account, text_key, id);
