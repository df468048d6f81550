-- Payment online (ra-web/src/payment/checkout.rs): what was asked of the provider, and what it told.

-- session, url: the provider's own, once it answered. expires: told to the provider, so that the same request is repeated
-- to the letter. fault: why somebody must look at it.
CREATE TABLE checkout (
  id      TEXT   NOT NULL PRIMARY KEY,
  bill    TEXT   NOT NULL REFERENCES bill (number),
  way     TEXT   NOT NULL,
  amount  BIGINT NOT NULL CHECK (amount > 0),
  state   TEXT   NOT NULL,
  session TEXT   UNIQUE,
  url     TEXT,
  fault   TEXT,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  settled BIGINT,
  version BIGINT NOT NULL
);
-- A bill has one at a time.
CREATE UNIQUE INDEX checkout_one_open ON checkout (bill) WHERE state = 'opening' OR state = 'open';
CREATE INDEX checkout_bill ON checkout (bill, created);
CREATE INDEX checkout_waiting ON checkout (created) WHERE state = 'opening' OR state = 'open';
CREATE INDEX checkout_faulty ON checkout (created) WHERE fault IS NOT NULL;

-- The provider's messages that were heard: each once.
CREATE TABLE gateway_event (
  id       TEXT   NOT NULL PRIMARY KEY,
  kind     TEXT   NOT NULL,
  outcome  TEXT   NOT NULL,
  received BIGINT NOT NULL
);
