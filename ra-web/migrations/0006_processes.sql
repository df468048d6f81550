-- What a case is about: 'enrolment', or the ground on which its certificate takes the place of an old one.
ALTER TABLE enrolment_case ADD COLUMN process TEXT NOT NULL DEFAULT 'enrolment';
ALTER TABLE enrolment_case ADD COLUMN old_issuer TEXT;
ALTER TABLE enrolment_case ADD COLUMN old_serial TEXT;
CREATE INDEX enrolment_case_old ON enrolment_case (old_issuer, old_serial);
