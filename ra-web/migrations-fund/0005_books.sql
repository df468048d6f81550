-- The books (ra-web/src/fund/books.rs; names of JGJ/T 320-2014 in brackets). Amounts in fen, rates in ten-thousandths, months
-- as yyyymm, days as ISO days of Beijing. Ledgers are append-only: what was wrong is reversed by entries of its own.
ALTER TABLE unit_account ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE unit_account ADD COLUMN payday BIGINT; -- DWFXR
-- No entry proves what opening data of before the books said: accounts are brought in again, with their employees.
UPDATE unit_account SET active_heads = 0, sealed_heads = 0, balance = 0, suspense = 0;

-- What the city lays down, from a day on (4.0.4).
CREATE TABLE policy (
  valid_from        TEXT   NOT NULL PRIMARY KEY,
  rate_min          BIGINT NOT NULL,
  rate_max          BIGINT NOT NULL,
  base_floor        BIGINT NOT NULL,
  base_cap          BIGINT NOT NULL,
  rounding          TEXT   NOT NULL CHECK (rounding IN ('fen', 'yuan')),
  interest          BIGINT NOT NULL,
  day_count         BIGINT NOT NULL CHECK (day_count IN (360, 365)),
  daily_rate_digits BIGINT,
  adjust_from       BIGINT NOT NULL,
  adjust_to         BIGINT NOT NULL
);

-- One row: the last number that was drawn for an employee's account.
CREATE TABLE person_number (
  id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  last BIGINT   NOT NULL
);
INSERT INTO person_number (id, last) VALUES (1, 0);

-- Persons (4.0.3). id_number: sealed under the field key. id_hash: keyed hash of kind and number.
CREATE TABLE person (
  id        TEXT  NOT NULL PRIMARY KEY,
  name      TEXT  NOT NULL,
  id_kind   TEXT  NOT NULL CHECK (id_kind IN ('01', '02', '03', '04', '99')),
  id_masked TEXT  NOT NULL,
  id_hash   TEXT  NOT NULL UNIQUE,
  id_number BYTEA NOT NULL,
  mobile    TEXT  NOT NULL,
  address   TEXT  NOT NULL
);

-- Personal accounts (5.0.4).
CREATE TABLE person_account (
  number         TEXT   NOT NULL PRIMARY KEY,        -- GRZH
  person         TEXT   NOT NULL REFERENCES person (id),
  unit           TEXT   NOT NULL REFERENCES unit_account (account),
  base           BIGINT NOT NULL,                    -- GRJCJS
  unit_share     BIGINT NOT NULL,                    -- DWYJCE
  personal_share BIGINT NOT NULL,                    -- GRYJCE
  status         TEXT   NOT NULL CHECK (status IN ('01', '02', '03', '04', '05', '06', '99')), -- GRZHZT
  opened         TEXT   NOT NULL,                    -- KHRQ
  starts         BIGINT NOT NULL,
  paid_through   BIGINT,
  rebased        TEXT,
  carried        BIGINT NOT NULL,                    -- GRZHSNJZYE
  current_year   BIGINT NOT NULL,                    -- GRZHDNGJYE
  version        BIGINT NOT NULL
);
CREATE INDEX person_account_unit ON person_account (unit, number);
-- Nobody has two accounts at once.
CREATE UNIQUE INDEX person_account_open ON person_account (person) WHERE status IN ('01', '02', '06');

-- Personal ledger (5.0.5).
CREATE TABLE person_entry (
  number        TEXT   NOT NULL REFERENCES person_account (number),
  seq           BIGINT NOT NULL,
  day           TEXT   NOT NULL,                     -- JZRQ
  kind          TEXT   NOT NULL,                     -- GJHTQYWLX
  month         BIGINT,
  unit_part     BIGINT NOT NULL,
  personal_part BIGINT NOT NULL,
  interest      BIGINT NOT NULL,                     -- FSLXE
  carried       BIGINT NOT NULL,                     -- SNJZFSE
  balance       BIGINT NOT NULL,
  serial        TEXT   NOT NULL,                     -- YWLSH
  reverses      BIGINT,                              -- CZBZ
  PRIMARY KEY (number, seq)
);
CREATE INDEX person_entry_serial ON person_entry (serial, number, seq);

-- Unit ledger (5.0.3).
CREATE TABLE unit_entry (
  unit           TEXT   NOT NULL REFERENCES unit_account (account),
  seq            BIGINT NOT NULL,
  day            TEXT   NOT NULL,                    -- JZRQ
  kind           TEXT   NOT NULL,                    -- YWMXLX
  month          BIGINT,                             -- HBJNY
  heads          BIGINT NOT NULL,                    -- FSRS
  amount         BIGINT NOT NULL,                    -- FSE
  interest       BIGINT NOT NULL,                    -- FSLXE
  suspense       BIGINT NOT NULL,
  balance        BIGINT NOT NULL,
  suspense_after BIGINT NOT NULL,
  serial         TEXT   NOT NULL,                    -- YWLSH
  reverses       BIGINT,                             -- CZBZ
  PRIMARY KEY (unit, seq)
);
CREATE INDEX unit_entry_serial ON unit_entry (serial);
CREATE INDEX unit_entry_month ON unit_entry (unit, month);

-- What changed besides money, old and new.
CREATE TABLE book_change (
  unit        TEXT   NOT NULL REFERENCES unit_account (account),
  seq         BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  serial      TEXT   NOT NULL,
  number      TEXT,
  name        TEXT   NOT NULL,
  kind        TEXT   NOT NULL,
  month       BIGINT,
  field       TEXT   NOT NULL,
  was         TEXT   NOT NULL,
  will        TEXT   NOT NULL,
  PRIMARY KEY (unit, seq)
);
CREATE INDEX book_change_number ON book_change (number, seq);

-- One row for each unit: numbers its changes.
CREATE TABLE book_change_count (
  unit TEXT   NOT NULL PRIMARY KEY REFERENCES unit_account (account),
  last BIGINT NOT NULL
);

-- Money that arrived, each bank reference once.
CREATE TABLE fund_receipt (
  reference TEXT   NOT NULL PRIMARY KEY,
  unit      TEXT   NOT NULL REFERENCES unit_account (account),
  amount    BIGINT NOT NULL,
  at        BIGINT NOT NULL
);

-- Interest of a fund year, each account once.
CREATE TABLE interest_line (
  unit     TEXT   NOT NULL REFERENCES unit_account (account),
  year     BIGINT NOT NULL,
  number   TEXT   NOT NULL REFERENCES person_account (number),
  name     TEXT   NOT NULL,
  opening  BIGINT NOT NULL,
  product  TEXT   NOT NULL,
  rate     BIGINT NOT NULL,
  interest BIGINT NOT NULL,
  closing  BIGINT NOT NULL,
  serial   TEXT   NOT NULL,
  PRIMARY KEY (unit, year, number)
);

-- What units do, with the evidence (ra-web/src/fund/operation.rs). plan: sealed under the field key.
CREATE TABLE fund_operation (
  serial          TEXT   NOT NULL PRIMARY KEY,
  unit            TEXT   NOT NULL REFERENCES unit_account (account),
  act             TEXT   NOT NULL,
  state           TEXT   NOT NULL,
  month           BIGINT,
  heads           BIGINT NOT NULL,
  amount          BIGINT NOT NULL,
  created         BIGINT NOT NULL,
  expires         BIGINT NOT NULL,
  plan            BYTEA  NOT NULL,
  document        BYTEA  NOT NULL,
  list            BYTEA  NOT NULL,
  check_code      TEXT   NOT NULL UNIQUE,
  signed          BIGINT,
  booked          BIGINT,
  certificate     BYTEA,
  signature       BYTEA,
  status_source   TEXT CHECK (status_source IN ('ocsp', 'crl')),
  status_evidence BYTEA,
  prints          BIGINT NOT NULL,
  reversed_by     TEXT,
  version         BIGINT NOT NULL
);
CREATE INDEX fund_operation_unit ON fund_operation (unit, serial);
-- A unit has at most one that waits for its money.
CREATE UNIQUE INDEX fund_operation_waiting ON fund_operation (unit) WHERE state = 'awaiting_funds';

-- The states that an operation went through. Append-only.
CREATE TABLE fund_operation_state (
  serial TEXT   NOT NULL REFERENCES fund_operation (serial),
  n      BIGINT NOT NULL,
  state  TEXT   NOT NULL,
  at     BIGINT NOT NULL,
  actor  TEXT   NOT NULL,
  PRIMARY KEY (serial, n)
);
