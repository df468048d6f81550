-- A drawer's count that finance sent back to its clerk: why, who, when.
ALTER TABLE drawer ADD COLUMN returned TEXT;
ALTER TABLE drawer ADD COLUMN returned_id TEXT;
ALTER TABLE drawer ADD COLUMN returned_name TEXT;
ALTER TABLE drawer ADD COLUMN returned_at BIGINT;

-- What an officer had typed when the session ended under the form: one form at most for each officer, sealed to the
-- officer's place, gone when it was taken up again or its time is over (ra-web/src/http/staff/kept.rs).
CREATE TABLE kept_form (
  officer TEXT   NOT NULL PRIMARY KEY,
  sealed  BYTEA  NOT NULL,
  at      BIGINT NOT NULL
);
CREATE INDEX kept_form_at ON kept_form (at);
