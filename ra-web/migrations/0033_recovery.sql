-- Matters can also be recoveries of an encryption key and changes of a unit's handler, and be claimed: the table is made
-- anew for the longer list of kinds. handler_id: a new handler's resident number, sealed to the matter's place. evidence_gone: since when its
-- scans and what it says of persons are deleted.
ALTER TABLE matter RENAME TO matter_before;
CREATE TABLE matter (
  number    TEXT   NOT NULL PRIMARY KEY,
  kind      TEXT   NOT NULL CHECK (kind IN ('unlock', 'loss', 'release', 'revocation', 'recovery', 'handler')),
  office    TEXT   NOT NULL,
  state     TEXT   NOT NULL CHECK (state IN ('draft', 'requested', 'approved', 'done', 'published', 'closed', 'dropped')),
  issuer    TEXT   NOT NULL,
  serial    TEXT   NOT NULL,
  token     TEXT,
  uscc      TEXT   NOT NULL,
  unit_name TEXT   NOT NULL,
  facts     TEXT   NOT NULL,
  reason    TEXT,
  order_id  TEXT,
  statement BYTEA,
  entry_id  TEXT   NOT NULL,
  entry_name TEXT  NOT NULL,
  reviewer_id   TEXT,
  reviewer_name TEXT,
  claimed_id    TEXT,
  claimed_name  TEXT,
  claimed       BIGINT,
  handler_id    BYTEA,
  evidence_gone BIGINT,
  due       BIGINT,
  created   BIGINT NOT NULL,
  updated   BIGINT NOT NULL,
  version   BIGINT NOT NULL
);
INSERT INTO matter (number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id,
  statement, entry_id, entry_name, reviewer_id, reviewer_name, due, created, updated, version)
SELECT number, kind, office, state, issuer, serial, token, uscc, unit_name, facts, reason, order_id,
  statement, entry_id, entry_name, reviewer_id, reviewer_name, due, created, updated, version FROM matter_before;

ALTER TABLE matter_document RENAME TO matter_document_before;
CREATE TABLE matter_document (
  matter TEXT   NOT NULL REFERENCES matter (number),
  kind   TEXT   NOT NULL,
  sha256 TEXT   NOT NULL,
  media  TEXT   NOT NULL,
  bytes  BIGINT NOT NULL,
  name   TEXT   NOT NULL,
  added  BIGINT NOT NULL,
  PRIMARY KEY (matter, kind)
);
INSERT INTO matter_document (matter, kind, sha256, media, bytes, name, added)
SELECT matter, kind, sha256, media, bytes, name, added FROM matter_document_before;
DROP TABLE matter_document_before;
CREATE INDEX matter_document_sha256 ON matter_document (sha256);

ALTER TABLE matter_signature RENAME TO matter_signature_before;
CREATE TABLE matter_signature (
  matter       TEXT     NOT NULL REFERENCES matter (number),
  seat         SMALLINT NOT NULL,
  officer_id   TEXT     NOT NULL,
  officer_name TEXT     NOT NULL,
  message      BYTEA    NOT NULL,
  at           BIGINT   NOT NULL,
  PRIMARY KEY (matter, seat),
  UNIQUE (matter, officer_id)
);
INSERT INTO matter_signature (matter, seat, officer_id, officer_name, message, at)
SELECT matter, seat, officer_id, officer_name, message, at FROM matter_signature_before;
DROP TABLE matter_signature_before;

ALTER TABLE unlock_grant RENAME TO unlock_grant_before;
CREATE TABLE unlock_grant (
  hash    TEXT   NOT NULL PRIMARY KEY,
  matter  TEXT   NOT NULL REFERENCES matter (number),
  state   TEXT   NOT NULL CHECK (state IN ('open', 'released', 'done', 'failed', 'dropped')),
  minted_id   TEXT NOT NULL,
  minted_name TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
INSERT INTO unlock_grant (hash, matter, state, minted_id, minted_name, created, expires)
SELECT hash, matter, state, minted_id, minted_name, created, expires FROM unlock_grant_before;
DROP TABLE unlock_grant_before;
CREATE UNIQUE INDEX unlock_grant_one_open ON unlock_grant (matter) WHERE state = 'open';
CREATE INDEX unlock_grant_matter ON unlock_grant (matter, created);

DROP TABLE matter_before;
CREATE INDEX matter_due ON matter (office, due) WHERE due IS NOT NULL;
CREATE INDEX matter_office ON matter (office, updated, number);
CREATE INDEX matter_kind ON matter (office, kind, updated, number);
CREATE INDEX matter_certificate ON matter (issuer, serial, created);
CREATE INDEX matter_token ON matter (token, created) WHERE token IS NOT NULL;
CREATE INDEX matter_order ON matter (order_id) WHERE order_id IS NOT NULL;
