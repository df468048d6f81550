-- An order may make a pair of certificates: part 0 is what the order asks for (for a pair the signature
-- certificate), part 1 the encryption certificate. Both stand or fall together.
CREATE TABLE certificate_of_pair (
  issuer             TEXT     NOT NULL,
  serial             TEXT     NOT NULL,
  order_id           TEXT     NOT NULL,
  part               SMALLINT NOT NULL CHECK (part IN (0, 1)),
  origin             TEXT     NOT NULL CHECK (origin IN ('order', 'ceremony', 'responder')),
  profile            TEXT     NOT NULL,
  spki_sha256        TEXT     NOT NULL,
  not_before         BIGINT   NOT NULL,
  not_after          BIGINT   NOT NULL,
  tbs                BYTEA    NOT NULL,
  intended           BIGINT   NOT NULL,
  certificate        BYTEA,
  certificate_sha256 TEXT UNIQUE,
  issued             BIGINT,
  delivered          BIGINT,
  PRIMARY KEY (issuer, serial),
  UNIQUE (order_id, part),
  CHECK ((certificate IS NULL) = (certificate_sha256 IS NULL)),
  CHECK ((certificate IS NULL) = (issued IS NULL)),
  CHECK (delivered IS NULL OR certificate IS NOT NULL)
);
INSERT INTO certificate_of_pair (issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after,
  tbs, intended, certificate, certificate_sha256, issued, delivered)
SELECT issuer, serial, order_id, 0, origin, profile, spki_sha256, not_before, not_after,
  tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate;
DROP TABLE certificate;
ALTER TABLE certificate_of_pair RENAME TO certificate;
CREATE UNIQUE INDEX certificate_key ON certificate (spki_sha256) WHERE origin <> 'responder';
CREATE INDEX certificate_intent ON certificate (intended) WHERE certificate IS NULL;
CREATE INDEX certificate_responder ON certificate (issuer, spki_sha256, not_after) WHERE origin = 'responder';

-- The private encryption key of a pair, wrapped to its signature key by the key-management centre.
CREATE TABLE ca_envelope (
  order_id TEXT  NOT NULL PRIMARY KEY REFERENCES ca_order (id),
  message  BYTEA NOT NULL,
  skf      BYTEA
);
