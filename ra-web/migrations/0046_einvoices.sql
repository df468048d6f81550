-- E-invoices (ra-web/src/invoice): the title of a bill, and what was asked of the provider and came of it.

-- title: JSON, as it was chosen. Frozen in einvoice.content when the invoice is asked for.
CREATE TABLE invoice_title (
  bill    TEXT   NOT NULL PRIMARY KEY REFERENCES bill (number),
  title   TEXT   NOT NULL,
  by_id   TEXT   NOT NULL,
  by_name TEXT   NOT NULL,
  at      BIGINT NOT NULL
);

-- request: the key under which the provider knows a repetition. content: JSON, what is invoiced, frozen. red_of, red_reason: of a
-- red-letter invoice, the number that it reverses and why. number, issued, check_code, xml, pdf, ofd (SHA-256 of the archived files): once it
-- is issued. red: of a blue one, the number that reversed it.
CREATE TABLE einvoice (
  request    TEXT   NOT NULL PRIMARY KEY,
  bill       TEXT   NOT NULL REFERENCES bill (number),
  content    TEXT   NOT NULL,
  red_of     TEXT,
  red_reason SMALLINT,
  by_id      TEXT   NOT NULL,
  by_name    TEXT   NOT NULL,
  asked      BIGINT NOT NULL,
  state      TEXT   NOT NULL,
  fault      TEXT,
  number     TEXT   UNIQUE,
  issued     BIGINT,
  check_code TEXT,
  xml        TEXT,
  pdf        TEXT,
  ofd        TEXT,
  red        TEXT,
  version    BIGINT NOT NULL
);
CREATE INDEX einvoice_bill ON einvoice (bill, asked, request);
-- A bill has one invoice under way at a time.
CREATE UNIQUE INDEX einvoice_one_waiting ON einvoice (bill) WHERE state = 'requested' OR state = 'issuing';
