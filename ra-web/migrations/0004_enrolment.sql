-- Cases, the documents examined, the orders that officers sign, tickets, certificates, history.
-- Times: unix seconds. Hashes and serials: lower-case hex.

-- form: JSON of what was typed, without the handler's resident number, which stands encrypted beside it.
CREATE TABLE enrolment_case (
  number      TEXT   NOT NULL PRIMARY KEY,
  office      TEXT   NOT NULL,
  state       TEXT   NOT NULL,
  form        TEXT   NOT NULL,
  handler_id  BYTEA,
  handler_id_masked TEXT NOT NULL,
  uscc        TEXT   NOT NULL,
  unit_name   TEXT   NOT NULL,
  unit_folded TEXT   NOT NULL,
  entry_id    TEXT   NOT NULL,
  entry_name  TEXT   NOT NULL,
  reviewer_id   TEXT,
  reviewer_name TEXT,
  order_id    TEXT,
  reason      TEXT,
  issuer      TEXT,
  serial      TEXT,
  created     BIGINT NOT NULL,
  updated     BIGINT NOT NULL,
  version     BIGINT NOT NULL
);
CREATE INDEX enrolment_case_state ON enrolment_case (office, state, updated);
CREATE INDEX enrolment_case_uscc ON enrolment_case (uscc);

-- Cases are numbered by Beijing day.
CREATE TABLE case_counter (
  day  TEXT   NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL
);

-- The files themselves lie in the evidence folder, by SHA-256, encrypted.
CREATE TABLE case_document (
  case_number TEXT   NOT NULL REFERENCES enrolment_case (number),
  kind        TEXT   NOT NULL,
  sha256      TEXT   NOT NULL,
  media       TEXT   NOT NULL,
  bytes       BIGINT NOT NULL,
  name        TEXT   NOT NULL,
  added       BIGINT NOT NULL,
  PRIMARY KEY (case_number, kind)
);

-- statement: the canonical bytes that officers sign. subject: a case number, or issuer/serial.
CREATE TABLE office_order (
  id        TEXT   NOT NULL PRIMARY KEY,
  act       TEXT   NOT NULL CHECK (act IN ('issue', 'revoke', 'hold', 'release')),
  office    TEXT   NOT NULL,
  subject   TEXT   NOT NULL,
  statement BYTEA  NOT NULL,
  state     TEXT   NOT NULL CHECK (state IN ('open', 'signed', 'done', 'refused', 'dropped')),
  refusal   TEXT,
  opened_id   TEXT NOT NULL,
  opened_name TEXT NOT NULL,
  created   BIGINT NOT NULL,
  settled   BIGINT
);
CREATE INDEX office_order_subject ON office_order (subject);
CREATE INDEX office_order_state ON office_order (office, state, created);

CREATE TABLE order_signature (
  order_id     TEXT     NOT NULL REFERENCES office_order (id),
  seat         SMALLINT NOT NULL,
  officer_id   TEXT     NOT NULL,
  officer_name TEXT     NOT NULL,
  message      BYTEA    NOT NULL,
  at           BIGINT   NOT NULL,
  PRIMARY KEY (order_id, seat),
  UNIQUE (order_id, officer_id)
);

-- hash: SHA-256 of the ticket.
CREATE TABLE ticket (
  hash        TEXT   NOT NULL PRIMARY KEY,
  case_number TEXT   NOT NULL REFERENCES enrolment_case (number),
  order_id    TEXT   NOT NULL REFERENCES office_order (id),
  state       TEXT   NOT NULL CHECK (state IN ('open', 'used', 'dropped')),
  minted_id   TEXT   NOT NULL,
  minted_name TEXT   NOT NULL,
  created     BIGINT NOT NULL,
  expires     BIGINT NOT NULL
);
CREATE UNIQUE INDEX ticket_one_open ON ticket (order_id) WHERE state = 'open';

-- What the authority issued for us. status, reason, since: as it last told.
CREATE TABLE certificate (
  issuer      TEXT     NOT NULL,
  serial      TEXT     NOT NULL,
  case_number TEXT     NOT NULL REFERENCES enrolment_case (number),
  order_id    TEXT     NOT NULL,
  uscc        TEXT     NOT NULL,
  unit_name   TEXT     NOT NULL,
  not_before  BIGINT   NOT NULL,
  not_after   BIGINT   NOT NULL,
  certificate BYTEA    NOT NULL,
  issued      BIGINT   NOT NULL,
  delivered   BIGINT,
  status      SMALLINT NOT NULL CHECK (status IN (0, 1, 2)),
  reason      SMALLINT NOT NULL,
  since       BIGINT   NOT NULL,
  PRIMARY KEY (issuer, serial)
);
CREATE INDEX certificate_uscc ON certificate (uscc);
CREATE INDEX certificate_serial ON certificate (serial);
CREATE INDEX certificate_issued ON certificate (issued);

-- Append-only. subject: a case number, or issuer/serial.
CREATE TABLE history (
  subject    TEXT   NOT NULL,
  n          BIGINT NOT NULL,
  act        TEXT   NOT NULL,
  from_state TEXT   NOT NULL,
  to_state   TEXT   NOT NULL,
  by_id      TEXT,
  by_name    TEXT,
  reason     TEXT,
  at         BIGINT NOT NULL,
  PRIMARY KEY (subject, n)
);
