-- The work queue: until when a case waits for its next step, and who has claimed it.
ALTER TABLE enrolment_case ADD COLUMN due BIGINT;
ALTER TABLE enrolment_case ADD COLUMN claimed_id TEXT;
ALTER TABLE enrolment_case ADD COLUMN claimed_name TEXT;
ALTER TABLE enrolment_case ADD COLUMN claimed BIGINT;
UPDATE enrolment_case SET due = updated + CASE state WHEN 'submitted' THEN 86400 WHEN 'issued' THEN 86400
  WHEN 'approved' THEN 259200 ELSE 2592000 END
  WHERE state IN ('draft', 'submitted', 'returned', 'approved', 'issued');
CREATE INDEX enrolment_case_due ON enrolment_case (office, due) WHERE due IS NOT NULL;
-- Holds run out.
CREATE INDEX certificate_held ON certificate (since) WHERE status = 1;
