-- Refunds that the provider of online payment makes, and payments that are disputed (ra-web/src/payment/back.rs).

-- id: the provider's name of it, once it answered. fault: why it does not go back, in the provider's words.
CREATE TABLE gateway_refund (
  refund  TEXT   NOT NULL PRIMARY KEY REFERENCES refund (number),
  office  TEXT   NOT NULL,
  state   TEXT   NOT NULL,
  id      TEXT   UNIQUE,
  fault   TEXT,
  created BIGINT NOT NULL,
  settled BIGINT,
  version BIGINT NOT NULL
);
CREATE INDEX gateway_refund_failed ON gateway_refund (office, created) WHERE state = 'failed';

-- As the provider told when it was last asked. closed: since when it is over.
CREATE TABLE dispute (
  id       TEXT   NOT NULL PRIMARY KEY,
  bill     TEXT   NOT NULL REFERENCES bill (number),
  office   TEXT   NOT NULL,
  amount   BIGINT NOT NULL,
  currency TEXT   NOT NULL,
  reason   TEXT   NOT NULL,
  status   TEXT   NOT NULL,
  opened   BIGINT NOT NULL,
  closed   BIGINT
);
CREATE INDEX dispute_open ON dispute (office, opened) WHERE closed IS NULL;
CREATE INDEX payment_reference ON payment (reference) WHERE method = 'online';
