-- The audit chain. hash: SHA-256 over tag, previous hash, seq, at and the event's bytes, in lower-case hex.
CREATE TABLE audit_event (
  seq   BIGINT NOT NULL PRIMARY KEY,
  at    BIGINT NOT NULL,
  event TEXT   NOT NULL,
  hash  TEXT   NOT NULL
);

-- One row: the end of the chain, moved by compare-and-swap in the transaction of the event.
CREATE TABLE audit_head (
  id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  seq  BIGINT   NOT NULL,
  hash TEXT     NOT NULL
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Signed statements of where the chain stood, and the key that signs them.
CREATE TABLE audit_checkpoint (
  seq       BIGINT NOT NULL PRIMARY KEY,
  at        BIGINT NOT NULL,
  statement BYTEA  NOT NULL,
  signature BYTEA  NOT NULL
);
CREATE TABLE audit_key (
  id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  spki BYTEA    NOT NULL
);
