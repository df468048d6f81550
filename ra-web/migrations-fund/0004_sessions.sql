-- Sessions of browsers. id: SHA-256 of the cookie's value, hex. data: JSON. created, seen: unix seconds.
CREATE TABLE web_session (
  id      TEXT   NOT NULL PRIMARY KEY,
  data    TEXT   NOT NULL,
  created BIGINT NOT NULL,
  seen    BIGINT NOT NULL
);
CREATE INDEX web_session_seen ON web_session (seen);
