-- Delta lists, shards, and issuers that stopped issuing.

-- crl_shards: into how many lists the certificates are divided besides the full one; 0: not at all.
-- retired: since when it issues no more, unix seconds.
ALTER TABLE issuer_key ADD COLUMN crl_shards SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE issuer_key ADD COLUMN retired BIGINT;

-- Lists that were signed, in the place of crl. All lists that are made at once have one number of crl_head.
-- list: full, delta, or s and the number of a shard. base: the number of the full list that a delta goes with.
-- covers: the last seq of status_log in it. planned: made because it was time, not because of a revocation.
CREATE TABLE crl_list (
  issuer      TEXT    NOT NULL,
  list        TEXT    NOT NULL,
  number      BIGINT  NOT NULL,
  base        BIGINT,
  this_update BIGINT  NOT NULL,
  next_update BIGINT  NOT NULL,
  entries     BIGINT  NOT NULL,
  covers      BIGINT  NOT NULL,
  planned     BOOLEAN NOT NULL,
  sha256      TEXT    NOT NULL,
  PRIMARY KEY (issuer, list, number),
  CHECK ((base IS NULL) = (list <> 'delta'))
);
INSERT INTO crl_list (issuer, list, number, this_update, next_update, entries, covers, planned, sha256)
  SELECT issuer, 'full', number, this_update, next_update, entries, covers, planned, sha256 FROM crl;
DROP TABLE crl;
