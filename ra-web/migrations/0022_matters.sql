-- Matters about a certificate that is there: a PIN to be unblocked, a loss, a release, a revocation (ra-web/src/matters).

-- facts: JSON of what was typed and of what came of it. order_id: the order that officers sign; statement: for an
-- unblocking, which no authority carries out, the canonical bytes that they sign.
CREATE TABLE matter (
  number    TEXT   NOT NULL PRIMARY KEY,
  kind      TEXT   NOT NULL CHECK (kind IN ('unlock', 'loss', 'release', 'revocation')),
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
  due       BIGINT,
  created   BIGINT NOT NULL,
  updated   BIGINT NOT NULL,
  version   BIGINT NOT NULL
);
CREATE INDEX matter_due ON matter (office, due) WHERE due IS NOT NULL;
CREATE INDEX matter_office ON matter (office, updated, number);
CREATE INDEX matter_certificate ON matter (issuer, serial, created);
CREATE INDEX matter_token ON matter (token, created) WHERE token IS NOT NULL;
CREATE INDEX matter_order ON matter (order_id) WHERE order_id IS NOT NULL;

-- The files themselves lie in the evidence folder, by SHA-256, encrypted.
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
CREATE INDEX matter_document_sha256 ON matter_document (sha256);

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

-- hash: SHA-256 of the grant. One that was released has told an admin PIN, whatever became of it.
CREATE TABLE unlock_grant (
  hash    TEXT   NOT NULL PRIMARY KEY,
  matter  TEXT   NOT NULL REFERENCES matter (number),
  state   TEXT   NOT NULL CHECK (state IN ('open', 'released', 'done', 'failed', 'dropped')),
  minted_id   TEXT NOT NULL,
  minted_name TEXT NOT NULL,
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE UNIQUE INDEX unlock_grant_one_open ON unlock_grant (matter) WHERE state = 'open';
CREATE INDEX unlock_grant_matter ON unlock_grant (matter, created);
