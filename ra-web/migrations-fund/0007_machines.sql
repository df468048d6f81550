-- Sessions of units' programs (ra-web/src/fund/machines.rs). id: SHA-256 of the token. certificate: SHA-256 of its DER.
CREATE TABLE machine_session (
  id          TEXT   NOT NULL PRIMARY KEY,
  unit        TEXT   NOT NULL REFERENCES unit_account (account),
  certificate TEXT   NOT NULL,
  record      TEXT   NOT NULL,
  expires     BIGINT NOT NULL
);
CREATE INDEX machine_session_expires ON machine_session (expires);
CREATE INDEX machine_session_certificate ON machine_session (certificate);

-- Requests that may be sent again under the name that the program gave them. request: SHA-256 of address and body.
-- answer: sealed under the field key; none while it is being worked at.
CREATE TABLE machine_request (
  unit    TEXT   NOT NULL REFERENCES unit_account (account),
  name    TEXT   NOT NULL,
  request TEXT   NOT NULL,
  begun   BIGINT NOT NULL,
  answer  BYTEA,
  PRIMARY KEY (unit, name)
);
CREATE INDEX machine_request_begun ON machine_request (begun);
