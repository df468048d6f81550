-- What was done, as a hash chain (ra-web/src/audit). Append-only.
CREATE TABLE audit_event (
  seq     BIGINT NOT NULL PRIMARY KEY,
  at      BIGINT NOT NULL,
  kind    TEXT   NOT NULL,
  subject TEXT   NOT NULL,
  entry   BYTEA  NOT NULL
);
CREATE INDEX audit_event_subject ON audit_event (subject);

-- One row: the chain's last place and hash, moved by compare-and-swap.
CREATE TABLE audit_head (
  id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  seq  BIGINT   NOT NULL,
  hash TEXT     NOT NULL
);
INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
