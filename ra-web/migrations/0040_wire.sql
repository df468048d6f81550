-- Money by bank (ra-web/src/payment/remittance.rs, wire.rs): codes of bills, statements of our account, their lines.

-- A bill's remittance code. payer: the unit's name folded as names are compared. chosen: since when the unit pays by bank.
CREATE TABLE remittance (
  code    TEXT   NOT NULL PRIMARY KEY,
  bill    TEXT   NOT NULL UNIQUE REFERENCES bill (number),
  payer   TEXT   NOT NULL,
  amount  BIGINT NOT NULL CHECK (amount > 0),
  created BIGINT NOT NULL,
  chosen  BIGINT
);
CREATE INDEX remittance_payer ON remittance (payer, amount, created);

-- A statement that was taken in: each file once. known: lines that were there before.
CREATE TABLE bank_statement (
  number    TEXT   NOT NULL PRIMARY KEY,
  office    TEXT   NOT NULL,
  account   TEXT   NOT NULL,
  format    TEXT   NOT NULL,
  file_name TEXT   NOT NULL,
  sha256    TEXT   NOT NULL UNIQUE,
  lines     BIGINT NOT NULL,
  known     BIGINT NOT NULL,
  opening   BIGINT,
  closing   BIGINT,
  by_id     TEXT   NOT NULL,
  by_name   TEXT   NOT NULL,
  at        BIGINT NOT NULL
);
CREATE INDEX bank_statement_office ON bank_statement (office, at);

-- serial: the bank's own, where it gives one. fingerprint: SHA-256 over what the line says, so that the same line is known
-- in every file. amount: came above zero, went below. bill: what it pays, or is thought to pay. reason: why somebody must
-- look. asked, decided, closed: who and when, of a return.
CREATE TABLE bank_line (
  number        TEXT   NOT NULL PRIMARY KEY,
  statement     TEXT   NOT NULL REFERENCES bank_statement (number),
  n             BIGINT NOT NULL,
  office        TEXT   NOT NULL,
  account       TEXT   NOT NULL,
  serial        TEXT,
  fingerprint   TEXT   NOT NULL,
  day           TEXT   NOT NULL,
  amount        BIGINT NOT NULL CHECK (amount <> 0),
  payer         TEXT   NOT NULL,
  payer_account TEXT   NOT NULL,
  memo          TEXT   NOT NULL,
  state         TEXT   NOT NULL,
  reason        TEXT,
  bill          TEXT   REFERENCES bill (number),
  payment       TEXT   REFERENCES payment (id),
  why           TEXT,
  reference     TEXT,
  asked_id      TEXT,
  asked_name    TEXT,
  asked_at      BIGINT,
  decided_id    TEXT,
  decided_name  TEXT,
  decided_at    BIGINT,
  closed_id     TEXT,
  closed_name   TEXT,
  closed_at     BIGINT,
  created       BIGINT NOT NULL,
  version       BIGINT NOT NULL
);
CREATE UNIQUE INDEX bank_line_fingerprint ON bank_line (account, fingerprint);
CREATE UNIQUE INDEX bank_line_serial ON bank_line (account, serial) WHERE serial IS NOT NULL;
CREATE UNIQUE INDEX bank_line_statement ON bank_line (statement, n);
CREATE INDEX bank_line_state ON bank_line (office, state, created, number);
CREATE INDEX bank_line_bill ON bank_line (bill) WHERE bill IS NOT NULL;
CREATE UNIQUE INDEX bank_line_payment ON bank_line (payment) WHERE payment IS NOT NULL;
