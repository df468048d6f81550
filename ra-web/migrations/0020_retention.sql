-- How long evidence is kept, and how it goes.

-- evidence_gone: when the evidence of its case was deleted.
ALTER TABLE enrolment_case ADD COLUMN evidence_gone BIGINT;
ALTER TABLE certificate ADD COLUMN evidence_gone BIGINT;
ALTER TABLE certificate ADD COLUMN office TEXT NOT NULL DEFAULT '';
UPDATE certificate SET office = (SELECT office FROM enrolment_case WHERE number = certificate.case_number);
CREATE INDEX certificate_case ON certificate (case_number);
CREATE INDEX certificate_ended
  ON certificate (office, (CASE WHEN status = 2 AND since < not_after THEN since ELSE not_after END))
  WHERE evidence_gone IS NULL;
CREATE INDEX enrolment_case_ended ON enrolment_case (office, updated)
  WHERE evidence_gone IS NULL AND state IN ('rejected', 'cancelled', 'lapsed');

-- Two officers delete: one asks, another confirms.
CREATE TABLE case_deletion (
  case_number TEXT   NOT NULL PRIMARY KEY REFERENCES enrolment_case (number),
  reason      TEXT   NOT NULL,
  asked_id    TEXT   NOT NULL,
  asked_name  TEXT   NOT NULL,
  asked       BIGINT NOT NULL,
  confirmed_id   TEXT,
  confirmed_name TEXT,
  done        BIGINT
);

-- Scans that the store is to forget, if no other case has them. removed: when it did.
CREATE TABLE evidence_removal (
  sha256  TEXT   NOT NULL PRIMARY KEY,
  queued  BIGINT NOT NULL,
  removed BIGINT
);
CREATE INDEX evidence_removal_open ON evidence_removal (queued) WHERE removed IS NULL;
