-- Letters that a certificate ends soon (ra-web/src/batches/letters.rs): which were printed, when and by whom.
CREATE TABLE expiry_letter (
  issuer     TEXT   NOT NULL,
  serial     TEXT   NOT NULL,
  printed    BIGINT NOT NULL,
  by_id      TEXT   NOT NULL,
  by_name    TEXT   NOT NULL,
  PRIMARY KEY (issuer, serial)
);
CREATE INDEX certificate_ends ON certificate (not_after) WHERE status = 0;
