-- Units as they are now, and what search and counts read instead of walking through cases (ra-web/src/units).

-- Written with each delivery. handler_id: sealed to the place of the case that case_number names. folded: the name as
-- search compares it.
CREATE TABLE unit (
  uscc           TEXT   NOT NULL PRIMARY KEY,
  name           TEXT   NOT NULL,
  folded         TEXT   NOT NULL,
  office         TEXT   NOT NULL,
  handler_name   TEXT   NOT NULL,
  handler_mobile TEXT   NOT NULL,
  handler_id     BYTEA,
  handler_id_masked TEXT NOT NULL,
  case_number    TEXT   NOT NULL REFERENCES enrolment_case (number),
  created        BIGINT NOT NULL,
  updated        BIGINT NOT NULL
);

-- A name contains what one of its ends begins with. Bytes of UTF-8, so that ranges are the same in every locale.
-- place: how many characters of the name stand before the end; 0 is the whole name. Former names stay.
CREATE TABLE unit_name (
  suffix BYTEA    NOT NULL,
  uscc   TEXT     NOT NULL,
  place  SMALLINT NOT NULL,
  PRIMARY KEY (suffix, uscc)
);
CREATE INDEX unit_name_whole ON unit_name (suffix) WHERE place = 0;

-- The same for the units of cases that delivered nothing yet.
CREATE TABLE case_name (
  office      TEXT  NOT NULL,
  suffix      BYTEA NOT NULL,
  case_number TEXT  NOT NULL REFERENCES enrolment_case (number),
  PRIMARY KEY (office, suffix, case_number)
);
CREATE INDEX case_name_case ON case_name (case_number);

-- How many cases of an office stand in each state, moved with each of them.
CREATE TABLE case_count (
  office TEXT   NOT NULL,
  state  TEXT   NOT NULL,
  n      BIGINT NOT NULL,
  PRIMARY KEY (office, state)
);
INSERT INTO case_count (office, state, n) SELECT office, state, COUNT(*) FROM enrolment_case GROUP BY office, state;

-- Cases from before, up to which unit, unit_name and case_name are written. Gone when all are.
CREATE TABLE unit_backfill (
  id         SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  after_case TEXT     NOT NULL
);
INSERT INTO unit_backfill (id, after_case) VALUES (1, '');

-- Lists read a piece of an index and stop.
DROP INDEX enrolment_case_state;
CREATE INDEX enrolment_case_office ON enrolment_case (office, updated, number);
CREATE INDEX enrolment_case_state ON enrolment_case (office, state, updated, number);
CREATE INDEX enrolment_case_order ON enrolment_case (order_id);
CREATE INDEX enrolment_case_entry ON enrolment_case (entry_name, office, updated, number);
CREATE INDEX enrolment_case_reviewer ON enrolment_case (reviewer_name, office, updated, number);
CREATE INDEX office_order_waiting ON office_order (office, created)
  WHERE act <> 'issue' AND (state = 'signed' OR state = 'open');
-- Old sessions are found by either of their times.
CREATE INDEX web_session_created ON web_session (created);
