-- Orders about officers, which two administrators sign: entering one, replacing a token, holding, releasing, revoking.
-- The registry itself is the authority's. made_*: the certificate that an entry or a replacement made. ticket_hash:
-- SHA-256 of the leave to make it.
CREATE TABLE officer_order (
  id        TEXT   NOT NULL PRIMARY KEY,
  act       TEXT   NOT NULL CHECK (act IN ('issue', 'revoke', 'hold', 'release')),
  officer   TEXT   NOT NULL,
  name      TEXT   NOT NULL,
  statement BYTEA  NOT NULL,
  state     TEXT   NOT NULL CHECK (state IN ('open', 'signed', 'issued', 'done', 'refused', 'dropped')),
  refusal   TEXT,
  opened_id   TEXT NOT NULL,
  opened_name TEXT NOT NULL,
  created   BIGINT NOT NULL,
  settled   BIGINT,
  made_issuer TEXT,
  made_serial TEXT,
  ticket_hash    TEXT,
  ticket_expires BIGINT
);
CREATE INDEX officer_order_officer ON officer_order (officer, created);
CREATE INDEX officer_order_waiting ON officer_order (created) WHERE state IN ('open', 'signed', 'issued');
CREATE UNIQUE INDEX officer_order_ticket ON officer_order (ticket_hash) WHERE ticket_hash IS NOT NULL;

CREATE TABLE officer_signature (
  order_id     TEXT     NOT NULL REFERENCES officer_order (id),
  seat         SMALLINT NOT NULL,
  officer_id   TEXT     NOT NULL,
  officer_name TEXT     NOT NULL,
  message      BYTEA    NOT NULL,
  at           BIGINT   NOT NULL,
  PRIMARY KEY (order_id, seat)
);
