-- Statements of the fund's accounts at its trustee banks, and what became of each line (ra-web/src/fund/bank). Amounts in
-- fen, days as ISO days of Beijing, times as unix seconds.

-- What a unit writes beside its transfer, so that the money finds its transaction.
CREATE TABLE fund_remittance (
  code      TEXT   NOT NULL PRIMARY KEY,
  operation TEXT   NOT NULL UNIQUE REFERENCES fund_operation (serial),
  unit      TEXT   NOT NULL REFERENCES unit_account (account),
  created   BIGINT NOT NULL
);

-- Files that were taken in, each once.
CREATE TABLE fund_statement (
  number    TEXT   NOT NULL PRIMARY KEY,
  account   TEXT   NOT NULL,
  format    TEXT   NOT NULL CHECK (format IN ('csv', 'mt940', 'camt053')),
  file_name TEXT   NOT NULL,
  sha256    TEXT   NOT NULL UNIQUE,
  lines     BIGINT NOT NULL,
  known     BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  actor     TEXT   NOT NULL
);

CREATE TABLE fund_bank_line (
  number        TEXT   NOT NULL PRIMARY KEY,
  statement     TEXT   NOT NULL REFERENCES fund_statement (number),
  account       TEXT   NOT NULL,
  serial        TEXT,
  fingerprint   TEXT   NOT NULL,
  day           TEXT   NOT NULL,
  amount        BIGINT NOT NULL,
  payer         TEXT   NOT NULL,
  payer_account TEXT   NOT NULL,
  memo          TEXT   NOT NULL,
  state         TEXT   NOT NULL CHECK (state IN ('went', 'received', 'proposed', 'open', 'credited', 'returned')),
  reason        TEXT,
  unit          TEXT REFERENCES unit_account (account),
  operation     TEXT REFERENCES fund_operation (serial),
  reference     TEXT,
  actor         TEXT   NOT NULL,
  moved         BIGINT NOT NULL,
  version       BIGINT NOT NULL,
  UNIQUE (account, fingerprint)
);
CREATE UNIQUE INDEX fund_bank_line_serial ON fund_bank_line (account, serial) WHERE serial IS NOT NULL;
CREATE INDEX fund_bank_line_state ON fund_bank_line (state, number);
-- Forgetting a document looks whether a line names it.
CREATE INDEX fund_bank_line_operation ON fund_bank_line (operation);
CREATE INDEX fund_bank_line_statement ON fund_bank_line (statement, number);
CREATE INDEX unit_account_name ON unit_account (name);
