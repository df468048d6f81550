-- What the responder reads: every status, the log of changes, and the heartbeat of the feed.
-- status: 0 good, 1 held, 2 revoked. reason: CRLReason number. since, not_after, beat, at: unix seconds.
CREATE TABLE certificate_status (
  issuer    TEXT     NOT NULL,
  serial    TEXT     NOT NULL,
  status    SMALLINT NOT NULL CHECK (status IN (0, 1, 2)),
  reason    SMALLINT NOT NULL,
  since     BIGINT   NOT NULL,
  not_after BIGINT   NOT NULL,
  PRIMARY KEY (issuer, serial)
);

-- Append-only. A certificate's first line (good) is written in the transaction that stores it.
CREATE TABLE status_log (
  seq       BIGINT   NOT NULL PRIMARY KEY,
  issuer    TEXT     NOT NULL,
  serial    TEXT     NOT NULL,
  status    SMALLINT NOT NULL CHECK (status IN (0, 1, 2)),
  reason    SMALLINT NOT NULL,
  since     BIGINT   NOT NULL,
  not_after BIGINT   NOT NULL,
  at        BIGINT   NOT NULL
);

-- One row. head: the last seq, moved by compare-and-swap in the transaction of the change.
-- beat: written by the authority every few seconds while it can write; its age bounds the responder's.
CREATE TABLE feed (
  id   SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  head BIGINT   NOT NULL,
  beat BIGINT   NOT NULL
);
INSERT INTO feed (id, head, beat) VALUES (1, 0, 0);

-- CA certificates, root included.
CREATE TABLE issuer (
  id          TEXT     NOT NULL PRIMARY KEY,
  root        BOOLEAN  NOT NULL,
  certificate BYTEA    NOT NULL
);
