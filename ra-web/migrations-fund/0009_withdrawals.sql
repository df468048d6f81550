-- Persons who look after their own account (ra-web/src/fund/withdrawal): by which certificate they are known, where they are paid
-- to, what the city allows, what they ordered. Amounts in fen, days as ISO days of Beijing.

-- The unique id of a person's certificates. The number that identifies them stands in none.
ALTER TABLE person ADD COLUMN unique_id TEXT;
CREATE UNIQUE INDEX person_unique_id ON person (unique_id);
CREATE INDEX person_account_person ON person_account (person, number);

-- GRCKZHHM. card: sealed under the field key.
CREATE TABLE person_card (
  person    TEXT  NOT NULL PRIMARY KEY REFERENCES person (id),
  bank      TEXT  NOT NULL,
  bank_code TEXT  NOT NULL,
  masked    TEXT  NOT NULL,
  card      BYTEA NOT NULL
);

-- What is allowed for a reason (A.7), from a day on. share in ten-thousandths.
CREATE TABLE withdrawal_rule (
  reason        TEXT   NOT NULL CHECK (reason IN ('01', '02', '03', '04', '05', '06', '07', '08', '09', '99')),
  valid_from    TEXT   NOT NULL,
  share         BIGINT NOT NULL CHECK (share BETWEEN 1 AND 10000),
  most          BIGINT,
  keep          BIGINT NOT NULL CHECK (keep >= 0),
  interval_days BIGINT NOT NULL CHECK (interval_days >= 0),
  closes        BIGINT NOT NULL CHECK (closes IN (0, 1)),
  sealed_only   BIGINT NOT NULL CHECK (sealed_only IN (0, 1)),
  PRIMARY KEY (reason, valid_from)
);

-- Orders with their evidence: what the provider said of the face (never the picture), the signed document, the status of the
-- certificate at that moment.
CREATE TABLE withdrawal (
  serial          TEXT   NOT NULL PRIMARY KEY,
  person          TEXT   NOT NULL REFERENCES person (id),
  number          TEXT   NOT NULL REFERENCES person_account (number),
  unit            TEXT   NOT NULL REFERENCES unit_account (account),
  reason          TEXT   NOT NULL,
  closes          BIGINT NOT NULL CHECK (closes IN (0, 1)),
  amount          BIGINT NOT NULL CHECK (amount > 0),
  interest        BIGINT NOT NULL CHECK (interest >= 0),
  stage           TEXT   NOT NULL CHECK (stage IN ('asked', 'matched', 'ordered', 'paid', 'cancelled')),
  created         BIGINT NOT NULL,
  expires         BIGINT NOT NULL,
  nonce           TEXT   NOT NULL,
  tries           BIGINT NOT NULL,
  document        BYTEA  NOT NULL,
  face_answer     BYTEA,
  face_signature  BYTEA,
  signed          BIGINT,
  certificate     BYTEA,
  signature       BYTEA,
  status_source   TEXT CHECK (status_source IN ('ocsp', 'crl')),
  status_evidence BYTEA,
  booked          TEXT,
  version         BIGINT NOT NULL
);
CREATE INDEX withdrawal_person ON withdrawal (person, serial);
CREATE INDEX withdrawal_number ON withdrawal (number, reason, booked);
CREATE INDEX withdrawal_unsigned ON withdrawal (expires) WHERE stage IN ('asked', 'matched', 'cancelled');
-- The bank pays one order of an account before the next is taken.
CREATE UNIQUE INDEX withdrawal_unpaid ON withdrawal (number) WHERE stage = 'ordered';

-- What the bank is told (pain.001), once an order. message: sealed under the field key.
CREATE TABLE payment_order (
  serial  TEXT   NOT NULL PRIMARY KEY REFERENCES withdrawal (serial),
  message BYTEA  NOT NULL,
  made    BIGINT NOT NULL,
  written BIGINT
);
CREATE INDEX payment_order_unwritten ON payment_order (serial) WHERE written IS NULL;
