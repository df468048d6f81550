-- What the authority itself keeps: orders with their signatures, certificates from intent to delivery, the
-- registry of officers, responder keys, CRL numbers.

-- Orders that were carried out. An order that was refused leaves an audit event only.
CREATE TABLE ca_order (
  id        TEXT   NOT NULL PRIMARY KEY,
  sha256    TEXT   NOT NULL,
  statement BYTEA  NOT NULL,
  received  BIGINT NOT NULL
);

-- The CMS messages that were believed. place: seat-0, seat-1, binding, install.
CREATE TABLE ca_signature (
  order_id           TEXT  NOT NULL REFERENCES ca_order (id),
  place              TEXT  NOT NULL,
  certificate_sha256 TEXT  NOT NULL,
  officer            TEXT,
  message            BYTEA NOT NULL,
  PRIMARY KEY (order_id, place)
);

-- One row for each serial number ever drawn. certificate is NULL from the intent until the signed bytes are
-- durable; nobody is told of a row without one. origin: order, ceremony, responder; for the last two order_id
-- is an id of its own without a row in ca_order.
CREATE TABLE certificate (
  issuer             TEXT   NOT NULL,
  serial             TEXT   NOT NULL,
  order_id           TEXT   NOT NULL UNIQUE,
  origin             TEXT   NOT NULL CHECK (origin IN ('order', 'ceremony', 'responder')),
  profile            TEXT   NOT NULL,
  spki_sha256        TEXT   NOT NULL,
  not_before         BIGINT NOT NULL,
  not_after          BIGINT NOT NULL,
  tbs                BYTEA  NOT NULL,
  intended           BIGINT NOT NULL,
  certificate        BYTEA,
  certificate_sha256 TEXT UNIQUE,
  issued             BIGINT,
  delivered          BIGINT,
  PRIMARY KEY (issuer, serial),
  CHECK ((certificate IS NULL) = (certificate_sha256 IS NULL)),
  CHECK ((certificate IS NULL) = (issued IS NULL)),
  CHECK (delivered IS NULL OR certificate IS NOT NULL)
);
-- A key is certified once; only a responder's key is certified again and again.
CREATE UNIQUE INDEX certificate_key ON certificate (spki_sha256) WHERE origin <> 'responder';
CREATE INDEX certificate_intent ON certificate (intended) WHERE certificate IS NULL;
CREATE INDEX certificate_responder ON certificate (issuer, spki_sha256, not_after) WHERE origin = 'responder';

-- The registry. roles: words joined by commas. Rows are added, never changed: what a row is worth follows from
-- the status of its certificate.
CREATE TABLE officer (
  certificate_sha256 TEXT   NOT NULL PRIMARY KEY,
  officer            TEXT   NOT NULL,
  name               TEXT   NOT NULL,
  office             TEXT   NOT NULL,
  roles              TEXT   NOT NULL,
  issuer             TEXT   NOT NULL,
  serial             TEXT   NOT NULL,
  not_after          BIGINT NOT NULL,
  entered            BIGINT NOT NULL,
  UNIQUE (issuer, serial)
);

-- How the key of an issuer is reached and what it may sign. Written by the ceremony alone.
-- key: file:NAME (a sealed file in the key folder) or pkcs11:LABEL. profiles: names joined by commas.
CREATE TABLE issuer_key (
  issuer   TEXT NOT NULL PRIMARY KEY REFERENCES issuer (id),
  key      TEXT NOT NULL,
  profiles TEXT NOT NULL
);

-- Keys that may answer OCSP for an issuer.
CREATE TABLE responder_key (
  issuer      TEXT   NOT NULL REFERENCES issuer (id),
  spki_sha256 TEXT   NOT NULL,
  registered  BIGINT NOT NULL,
  PRIMARY KEY (issuer, spki_sha256)
);

-- Last CRL number of each issuer, moved by compare-and-swap.
CREATE TABLE crl_head (
  issuer TEXT   NOT NULL PRIMARY KEY REFERENCES issuer (id),
  number BIGINT NOT NULL
);

-- CRLs that were signed. covers: the last seq of status_log in it. planned: made because it was time, not
-- because of a revocation.
CREATE TABLE crl (
  issuer      TEXT    NOT NULL,
  number      BIGINT  NOT NULL,
  this_update BIGINT  NOT NULL,
  next_update BIGINT  NOT NULL,
  entries     BIGINT  NOT NULL,
  covers      BIGINT  NOT NULL,
  planned     BOOLEAN NOT NULL,
  sha256      TEXT    NOT NULL,
  PRIMARY KEY (issuer, number)
);

CREATE INDEX status_log_issuer ON status_log (issuer, seq);
CREATE INDEX status_log_certificate ON status_log (issuer, serial, seq);
CREATE INDEX certificate_status_unusable ON certificate_status (issuer, serial) WHERE status <> 0;
