-- Since when the key of a revoked certificate can no longer be believed (RFC 5280 §5.3.2), where an order said so. since:
-- unix seconds, not after the revocation.
CREATE TABLE invalidity (
  issuer TEXT   NOT NULL,
  serial TEXT   NOT NULL,
  since  BIGINT NOT NULL,
  PRIMARY KEY (issuer, serial)
);
