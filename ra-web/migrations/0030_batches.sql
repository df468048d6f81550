-- Many units taken in from one spreadsheet (ra-web/src/batches).

-- Batches are numbered by Beijing day.
CREATE TABLE batch_counter (
  day  TEXT   NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL
);

-- lines: of the sheet; faulty: those with a fault; made: those that have become cases. More than one clerk may drive a
-- batch on: each piece moves version.
CREATE TABLE batch (
  number     TEXT   NOT NULL PRIMARY KEY,
  office     TEXT   NOT NULL,
  state      TEXT   NOT NULL CHECK (state IN ('faulty', 'checked', 'filling', 'filled', 'cancelling', 'cancelled')),
  file_name  TEXT   NOT NULL,
  lines      BIGINT NOT NULL,
  faulty     BIGINT NOT NULL,
  made       BIGINT NOT NULL,
  entry_id   TEXT   NOT NULL,
  entry_name TEXT   NOT NULL,
  created    BIGINT NOT NULL,
  updated    BIGINT NOT NULL,
  version    BIGINT NOT NULL
);
CREATE INDEX batch_office ON batch (office, created, number);

-- form: JSON of what was typed, the resident number in it, sealed to the line's place. faults: JSON. twice: an earlier line
-- with the same code. open_cases, certificates: what the office had about the code when the file came.
CREATE TABLE batch_line (
  batch        TEXT   NOT NULL REFERENCES batch (number),
  line         BIGINT NOT NULL,
  uscc         TEXT   NOT NULL,
  unit_name    TEXT   NOT NULL,
  form         BYTEA  NOT NULL,
  faults       TEXT,
  twice        BIGINT,
  open_cases   BIGINT NOT NULL,
  certificates BIGINT NOT NULL,
  case_number  TEXT REFERENCES enrolment_case (number),
  PRIMARY KEY (batch, line)
);
CREATE INDEX batch_line_faulty ON batch_line (batch, line) WHERE faults IS NOT NULL;
CREATE INDEX batch_line_waiting ON batch_line (batch, line) WHERE case_number IS NULL;
CREATE INDEX batch_line_uscc ON batch_line (batch, uscc);
CREATE INDEX batch_line_case ON batch_line (case_number) WHERE case_number IS NOT NULL;
