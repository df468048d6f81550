-- Login challenges that were minted and not yet answered (ra-web/src/login).
-- id: SHA-256 of the statement's bytes. browser: SHA-256 of the browser session's secret. expires: unix seconds.
CREATE TABLE login_challenge (
  id      TEXT   NOT NULL PRIMARY KEY,
  browser TEXT   NOT NULL,
  expires BIGINT NOT NULL
);
CREATE INDEX login_challenge_expires ON login_challenge (expires);

-- Each challenge that was answered, with what came of it and the evidence. Append-only.
-- outcome: `opened`, or the code of the refusal.
CREATE TABLE login_record (
  id            TEXT   NOT NULL PRIMARY KEY,
  challenge     TEXT   NOT NULL UNIQUE,
  at            BIGINT NOT NULL,
  outcome       TEXT   NOT NULL,
  account       TEXT,
  certificate   BYTEA,
  statement     BYTEA  NOT NULL,
  signature     BYTEA  NOT NULL,
  status_source   TEXT CHECK (status_source IN ('ocsp', 'crl')),
  status_evidence BYTEA
);
CREATE INDEX login_record_account ON login_record (account, at);
