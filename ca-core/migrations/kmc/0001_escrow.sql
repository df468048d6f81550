-- The key-management centre's own database: encryption keys under the sealing key. No other process opens it.

-- A key is stand-by until an order takes it, in use from then on, history when its certificate has ended.
CREATE TABLE escrow_key (
  spki_sha256      TEXT   NOT NULL PRIMARY KEY,
  kind             TEXT   NOT NULL,
  spki             BYTEA  NOT NULL,
  sealed           BYTEA  NOT NULL,
  made             BIGINT NOT NULL,
  state            TEXT   NOT NULL CHECK (state IN ('stand_by', 'in_use', 'history')),
  order_id         TEXT UNIQUE,
  recipient_sha256 TEXT,
  taken            BIGINT,
  retired          BIGINT,
  CHECK ((state = 'stand_by') = (order_id IS NULL)),
  CHECK ((order_id IS NULL) = (recipient_sha256 IS NULL)),
  CHECK ((order_id IS NULL) = (taken IS NULL)),
  CHECK ((state = 'history') = (retired IS NOT NULL))
);
CREATE INDEX escrow_key_stand_by ON escrow_key (kind, made) WHERE state = 'stand_by';
CREATE INDEX escrow_key_in_use ON escrow_key (spki_sha256) WHERE state = 'in_use';

-- What two officers signed, and what was done on it.
CREATE TABLE escrow_recovery (
  id                    TEXT   NOT NULL PRIMARY KEY,
  statement_sha256      TEXT   NOT NULL,
  statement             BYTEA  NOT NULL,
  first_approval        BYTEA  NOT NULL,
  second_approval       BYTEA  NOT NULL,
  recipient_certificate BYTEA  NOT NULL,
  spki_sha256           TEXT   NOT NULL REFERENCES escrow_key (spki_sha256),
  recovered             BIGINT NOT NULL
);

-- One row: which sealing key seals here. Its fingerprint says nothing of the key.
CREATE TABLE escrow_sealing (
  id          SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  fingerprint TEXT     NOT NULL
);
