-- Bills, payments, refunds, drawers and the ledger (ra-web/src/payment). Amounts: fen. Days: YYYY-MM-DD of Beijing.

-- Numbers without gaps, moved by compare-and-swap: bills, payments, refunds by day, receipts by office and year, the
-- places of an office's books.
CREATE TABLE number_series (
  series TEXT   NOT NULL PRIMARY KEY,
  last   BIGINT NOT NULL
);

-- subject: what is paid for, a case number. lines: JSON, the locked price. tax: hundredths of a percent.
-- refunded: what went back. served: since when what was paid for is in the unit's hands.
-- invoice_due: until when an invoice is to be handed out, NULL when none is missing.
CREATE TABLE bill (
  number    TEXT   NOT NULL PRIMARY KEY,
  subject   TEXT   NOT NULL,
  office    TEXT   NOT NULL,
  uscc      TEXT   NOT NULL,
  unit_name TEXT   NOT NULL,
  lines     TEXT   NOT NULL,
  tax       BIGINT NOT NULL,
  gross     BIGINT NOT NULL CHECK (gross > 0),
  state     TEXT   NOT NULL,
  refunded  BIGINT NOT NULL CHECK (refunded >= 0 AND refunded <= gross),
  created   BIGINT NOT NULL,
  due       BIGINT NOT NULL,
  paid      BIGINT,
  served    BIGINT,
  invoice_due BIGINT,
  version   BIGINT NOT NULL
);
CREATE INDEX bill_subject ON bill (subject, created);
CREATE INDEX bill_uscc ON bill (uscc, created);
CREATE INDEX bill_office ON bill (office, state, created, number);
CREATE INDEX bill_lapsing ON bill (due) WHERE state = 'open';
CREATE INDEX bill_unserved ON bill (office, paid) WHERE served IS NULL AND (state = 'paid' OR state = 'partly_refunded');
CREATE INDEX bill_uninvoiced ON bill (office, invoice_due) WHERE invoice_due IS NOT NULL;
-- One bill of a subject waits at a time.
CREATE UNIQUE INDEX bill_one_open ON bill (subject) WHERE state = 'open';

-- Invoices that finance handed out.
CREATE TABLE invoice_handed_out (
  bill    TEXT   NOT NULL REFERENCES bill (number),
  at      BIGINT NOT NULL,
  kind    TEXT   NOT NULL,
  number  TEXT   NOT NULL,
  waybill TEXT   NOT NULL,
  by_id   TEXT   NOT NULL,
  by_name TEXT   NOT NULL,
  back_id   TEXT,
  back_name TEXT,
  back_at   BIGINT,
  back_why  TEXT,
  PRIMARY KEY (bill, number)
);
CREATE UNIQUE INDEX invoice_one_standing ON invoice_handed_out (bill) WHERE back_at IS NULL;
CREATE UNIQUE INDEX invoice_number_once ON invoice_handed_out (number) WHERE back_at IS NULL;

-- day: of the clerk's drawer.
CREATE TABLE payment (
  id         TEXT   NOT NULL PRIMARY KEY,
  bill       TEXT   NOT NULL REFERENCES bill (number),
  method     TEXT   NOT NULL,
  amount     BIGINT NOT NULL CHECK (amount > 0),
  handed     BIGINT,
  reference  TEXT,
  receipt    TEXT   NOT NULL UNIQUE,
  office     TEXT   NOT NULL,
  clerk_id   TEXT   NOT NULL,
  clerk_name TEXT   NOT NULL,
  day        TEXT   NOT NULL,
  at         BIGINT NOT NULL,
  voided_id   TEXT,
  voided_name TEXT,
  voided_at   BIGINT,
  void_reason TEXT,
  prints     BIGINT NOT NULL
);
-- A bill is paid once.
CREATE UNIQUE INDEX payment_one_taken ON payment (bill) WHERE voided_at IS NULL;
CREATE INDEX payment_bill ON payment (bill, at);
CREATE INDEX payment_office ON payment (office, at);
CREATE INDEX payment_drawer ON payment (office, clerk_id, day, at);

CREATE TABLE refund (
  number     TEXT   NOT NULL PRIMARY KEY,
  bill       TEXT   NOT NULL REFERENCES bill (number),
  payment    TEXT   NOT NULL REFERENCES payment (id),
  office     TEXT   NOT NULL,
  method     TEXT   NOT NULL,
  amount     BIGINT NOT NULL CHECK (amount > 0),
  reason     TEXT   NOT NULL,
  state      TEXT   NOT NULL,
  asked_id   TEXT   NOT NULL,
  asked_name TEXT   NOT NULL,
  asked_at   BIGINT NOT NULL,
  decided_id   TEXT,
  decided_name TEXT,
  decided_at   BIGINT,
  decline_reason TEXT,
  paid_id      TEXT,
  paid_name    TEXT,
  paid_at      BIGINT,
  paid_day     TEXT,
  reference    TEXT
);
CREATE UNIQUE INDEX refund_one_asked ON refund (bill) WHERE state = 'asked';
CREATE INDEX refund_bill ON refund (bill, asked_at);
CREATE INDEX refund_state ON refund (office, state, asked_at);
CREATE INDEX refund_drawer ON refund (office, paid_id, paid_day) WHERE paid_day IS NOT NULL;

-- moves: counts the money that came and went, so that whoever counts and whoever takes meet on this row.
CREATE TABLE drawer (
  office     TEXT   NOT NULL,
  clerk_id   TEXT   NOT NULL,
  day        TEXT   NOT NULL,
  clerk_name TEXT   NOT NULL,
  state      TEXT   NOT NULL,
  moves      BIGINT NOT NULL,
  book       BIGINT,
  counted    BIGINT,
  note       TEXT,
  filed_at   BIGINT,
  confirmed_id   TEXT,
  confirmed_name TEXT,
  confirmed_at   BIGINT,
  PRIMARY KEY (office, clerk_id, day)
);
CREATE INDEX drawer_waiting ON drawer (office, day, clerk_id) WHERE state = 'open' OR state = 'filed';
CREATE INDEX drawer_day ON drawer (office, day, clerk_id);

-- What came and went by day and way, moved with each payment, void and payout.
CREATE TABLE takings (
  office   TEXT   NOT NULL,
  day      TEXT   NOT NULL,
  method   TEXT   NOT NULL,
  payments BIGINT NOT NULL,
  taken    BIGINT NOT NULL,
  refunds  BIGINT NOT NULL,
  refunded BIGINT NOT NULL,
  PRIMARY KEY (office, day, method)
);
CREATE INDEX takings_day ON takings (day, office, method);

-- The books. Append-only: no statement changes or removes a line of these two.
CREATE TABLE ledger_entry (
  office  TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  id      TEXT   NOT NULL UNIQUE,
  fact    TEXT   NOT NULL,
  subject TEXT   NOT NULL,
  by_id   TEXT,
  by_name TEXT,
  at      BIGINT NOT NULL,
  PRIMARY KEY (office, n)
);
CREATE INDEX ledger_entry_subject ON ledger_entry (subject, n);

-- amount: debit above zero, credit below.
CREATE TABLE ledger_posting (
  office  TEXT     NOT NULL,
  n       BIGINT   NOT NULL,
  side    SMALLINT NOT NULL,
  account TEXT     NOT NULL,
  amount  BIGINT   NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (office, n, side),
  FOREIGN KEY (office, n) REFERENCES ledger_entry (office, n)
);

-- What the postings add up to.
CREATE TABLE ledger_balance (
  office  TEXT   NOT NULL,
  account TEXT   NOT NULL,
  balance BIGINT NOT NULL,
  PRIMARY KEY (office, account)
);
