-- Fewer places for each certificate that is issued, at which nobody can foresee where it comes: in a ledger of millions
-- each is a page that is read, logged and moved.

-- listed: lists tell of it. All lines but the first of a certificate that is good; only they are looked for by
-- certificate.
ALTER TABLE status_log ADD COLUMN listed BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE status_log SET listed = FALSE WHERE status = 0 AND NOT EXISTS (SELECT 1 FROM status_log e
  WHERE e.issuer = status_log.issuer AND e.serial = status_log.serial AND e.seq < status_log.seq);
DROP INDEX status_log_issuer;
DROP INDEX status_log_certificate;
CREATE INDEX status_log_issuer ON status_log (issuer, seq) WHERE listed;
CREATE INDEX status_log_certificate ON status_log (issuer, serial, seq) WHERE listed;

-- The hash of a certificate is not looked for, and differs because the serial number does: it needs no index.
CREATE TABLE ca_replacement_before AS SELECT order_id, issuer, serial FROM ca_replacement;
DROP TABLE ca_replacement;
CREATE TABLE certificate_of_order (
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
  certificate_sha256 TEXT,
  issued             BIGINT,
  delivered          BIGINT,
  PRIMARY KEY (issuer, serial),
  UNIQUE (order_id, part),
  CHECK ((certificate IS NULL) = (certificate_sha256 IS NULL)),
  CHECK ((certificate IS NULL) = (issued IS NULL)),
  CHECK (delivered IS NULL OR certificate IS NOT NULL)
);
INSERT INTO certificate_of_order (issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after,
  tbs, intended, certificate, certificate_sha256, issued, delivered)
SELECT issuer, serial, order_id, part, origin, profile, spki_sha256, not_before, not_after,
  tbs, intended, certificate, certificate_sha256, issued, delivered FROM certificate;
DROP TABLE certificate;
ALTER TABLE certificate_of_order RENAME TO certificate;
CREATE UNIQUE INDEX certificate_key ON certificate (spki_sha256) WHERE origin <> 'responder';
CREATE INDEX certificate_intent ON certificate (intended) WHERE certificate IS NULL;
CREATE INDEX certificate_responder ON certificate (issuer, spki_sha256, not_after) WHERE origin = 'responder';
CREATE TABLE ca_replacement (
  order_id TEXT NOT NULL PRIMARY KEY REFERENCES ca_order (id),
  issuer   TEXT NOT NULL,
  serial   TEXT NOT NULL,
  FOREIGN KEY (issuer, serial) REFERENCES certificate (issuer, serial)
);
INSERT INTO ca_replacement (order_id, issuer, serial) SELECT order_id, issuer, serial FROM ca_replacement_before;
DROP TABLE ca_replacement_before;
CREATE INDEX ca_replacement_old ON ca_replacement (issuer, serial);
