-- An order may take a key for each signature key that it comes with: the first token may break before anything is
-- issued. Then a key is history, too, when its order made the pair with another signature key.
CREATE TABLE escrow_key_of_recipient (
  spki_sha256      TEXT   NOT NULL PRIMARY KEY,
  kind             TEXT   NOT NULL,
  spki             BYTEA  NOT NULL,
  sealed           BYTEA  NOT NULL,
  made             BIGINT NOT NULL,
  state            TEXT   NOT NULL CHECK (state IN ('stand_by', 'in_use', 'history')),
  order_id         TEXT,
  recipient_sha256 TEXT,
  taken            BIGINT,
  retired          BIGINT,
  CHECK ((state = 'stand_by') = (order_id IS NULL)),
  CHECK ((order_id IS NULL) = (recipient_sha256 IS NULL)),
  CHECK ((order_id IS NULL) = (taken IS NULL)),
  CHECK ((state = 'history') = (retired IS NOT NULL)),
  UNIQUE (order_id, recipient_sha256)
);
INSERT INTO escrow_key_of_recipient (spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken,
  retired)
SELECT spki_sha256, kind, spki, sealed, made, state, order_id, recipient_sha256, taken, retired FROM escrow_key;

-- It names the keys, so it moves with them.
CREATE TABLE escrow_recovery_of_recipient (
  id                    TEXT   NOT NULL PRIMARY KEY,
  statement_sha256      TEXT   NOT NULL,
  statement             BYTEA  NOT NULL,
  first_approval        BYTEA  NOT NULL,
  second_approval       BYTEA  NOT NULL,
  recipient_certificate BYTEA  NOT NULL,
  spki_sha256           TEXT   NOT NULL REFERENCES escrow_key_of_recipient (spki_sha256),
  recovered             BIGINT NOT NULL
);
INSERT INTO escrow_recovery_of_recipient (id, statement_sha256, statement, first_approval, second_approval,
  recipient_certificate, spki_sha256, recovered)
SELECT id, statement_sha256, statement, first_approval, second_approval, recipient_certificate, spki_sha256, recovered
FROM escrow_recovery;
DROP TABLE escrow_recovery;
DROP TABLE escrow_key;
ALTER TABLE escrow_key_of_recipient RENAME TO escrow_key;
ALTER TABLE escrow_recovery_of_recipient RENAME TO escrow_recovery;
CREATE INDEX escrow_key_stand_by ON escrow_key (kind, made) WHERE state = 'stand_by';
CREATE INDEX escrow_key_in_use ON escrow_key (spki_sha256) WHERE state = 'in_use';
