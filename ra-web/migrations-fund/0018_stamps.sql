-- Time stamps over evidence (RFC 3161; ra-web/src/fund/stamps): asked for in the transaction that takes a signature, fetched
-- afterwards. sha256: of the evidence's manifest (ra-web/src/fund/evidence.rs). since: when the window began in which it is
-- tried; due: when it may be taken, moved ahead by whoever takes it; tries: counts the takings, and only the last one may say
-- what came of it. refused: how often a stamp came that is none.
CREATE TABLE evidence_stamp (
  serial  TEXT   NOT NULL PRIMARY KEY,
  sha256  TEXT   NOT NULL,
  state   TEXT   NOT NULL CHECK (state IN ('waiting', 'given_up', 'stamped')),
  asked   BIGINT NOT NULL,
  since   BIGINT NOT NULL,
  due     BIGINT NOT NULL,
  tries   BIGINT NOT NULL,
  refused BIGINT NOT NULL,
  fault   TEXT   NOT NULL,
  stamped BIGINT,
  token   BYTEA,
  CHECK ((state = 'stamped') = (token IS NOT NULL AND stamped IS NOT NULL))
);
CREATE INDEX evidence_stamp_due ON evidence_stamp (due, serial) WHERE state = 'waiting';
CREATE INDEX evidence_stamp_given_up ON evidence_stamp (serial) WHERE state = 'given_up';
