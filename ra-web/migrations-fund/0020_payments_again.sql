-- Payments of withdrawals that the bank did not make, or that came back, and what was ordered in their place
-- (ra-web/src/fund/withdrawal/again.rs). A withdrawal stays 'ordered' meanwhile: it is booked, and the money is still owed.

-- Closes an order to the bank, once. payment: its end-to-end id, which is the withdrawal's serial number, or that with '-2' and so on.
-- again: the order that took its place.
CREATE TABLE payment_refusal (
  payment    TEXT   NOT NULL PRIMARY KEY,
  withdrawal TEXT   NOT NULL REFERENCES withdrawal (serial),
  said       TEXT   NOT NULL,
  actor      TEXT   NOT NULL,
  at         BIGINT NOT NULL,
  again      TEXT
);
CREATE INDEX payment_refusal_withdrawal ON payment_refusal (withdrawal);
CREATE UNIQUE INDEX payment_refusal_open ON payment_refusal (withdrawal) WHERE again IS NULL;

-- The order in place of a refused one, each once: a clerk gives an account of the same person, another one confirms it, and with that
-- it is an order. card and message are sealed under the field key.
CREATE TABLE payment_again (
  serial       TEXT   NOT NULL PRIMARY KEY,
  withdrawal   TEXT   NOT NULL REFERENCES withdrawal (serial),
  refused      TEXT   NOT NULL UNIQUE REFERENCES payment_refusal (payment),
  bank         TEXT   NOT NULL,
  bank_code    TEXT   NOT NULL,
  masked       TEXT   NOT NULL,
  card         BYTEA  NOT NULL,
  asked_by     TEXT   NOT NULL,
  asked        BIGINT NOT NULL,
  confirmed_by TEXT,
  message      BYTEA,
  made         BIGINT,
  written      BIGINT,
  CHECK (confirmed_by IS NULL OR (confirmed_by <> asked_by AND message IS NOT NULL AND made IS NOT NULL))
);
CREATE INDEX payment_again_withdrawal ON payment_again (withdrawal);
CREATE INDEX payment_again_unwritten ON payment_again (serial) WHERE message IS NOT NULL AND written IS NULL;
