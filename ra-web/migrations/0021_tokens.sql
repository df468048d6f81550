-- USB tokens as things: stock, life, and where each is (ra-web/src/tokens).

-- Days as YYYY-MM-DD. case_number: while one is being made. issuer, certificate: the certificate on it that was
-- delivered last. transfer: while it is on its way to another office.
CREATE TABLE token (
  serial      TEXT   NOT NULL PRIMARY KEY,
  office      TEXT   NOT NULL,
  model       TEXT   NOT NULL,
  purchased   TEXT   NOT NULL,
  warranty_until TEXT NOT NULL,
  state       TEXT   NOT NULL CHECK (state IN ('blank', 'formatted', 'bound', 'in_use', 'locked', 'reported_lost',
                                               'faulty', 'replaced', 'retired')),
  case_number TEXT,
  issuer      TEXT,
  certificate TEXT,
  uscc        TEXT,
  unit_name   TEXT,
  transfer    TEXT,
  pin_changed BIGINT,
  counted     BIGINT,
  destroyed   BIGINT,
  created     BIGINT NOT NULL,
  updated     BIGINT NOT NULL,
  version     BIGINT NOT NULL
);
CREATE INDEX token_office ON token (office, updated, serial);
CREATE INDEX token_state ON token (office, state, updated, serial);
CREATE INDEX token_certificate ON token (issuer, certificate);
CREATE INDEX token_uscc ON token (uscc, updated) WHERE uscc IS NOT NULL;
CREATE INDEX token_transfer ON token (transfer, serial) WHERE transfer IS NOT NULL;
CREATE INDEX token_case ON token (case_number) WHERE case_number IS NOT NULL;

-- How many tokens of an office are in each state, moved with each of them.
CREATE TABLE token_count (
  office TEXT   NOT NULL,
  state  TEXT   NOT NULL,
  n      BIGINT NOT NULL,
  PRIMARY KEY (office, state)
);

-- Tokens sent from one office to another. n: how many were sent; arrived: how many of them are there.
CREATE TABLE stock_transfer (
  id          TEXT   NOT NULL PRIMARY KEY,
  from_office TEXT   NOT NULL,
  to_office   TEXT   NOT NULL,
  n           BIGINT NOT NULL,
  arrived     BIGINT NOT NULL,
  sent_id     TEXT   NOT NULL,
  sent_name   TEXT   NOT NULL,
  sent        BIGINT NOT NULL,
  received_id   TEXT,
  received_name TEXT,
  received    BIGINT
);
CREATE INDEX stock_transfer_from ON stock_transfer (from_office, sent);
CREATE INDEX stock_transfer_to ON stock_transfer (to_office, sent);

-- What was found when the stock was counted. missing, strange: serial numbers, one a line.
CREATE TABLE stock_count (
  id       TEXT   NOT NULL PRIMARY KEY,
  office   TEXT   NOT NULL,
  by_id    TEXT   NOT NULL,
  by_name  TEXT   NOT NULL,
  at       BIGINT NOT NULL,
  expected BIGINT NOT NULL,
  found    BIGINT NOT NULL,
  missing  TEXT   NOT NULL,
  strange  TEXT   NOT NULL
);
CREATE INDEX stock_count_office ON stock_count (office, at);

-- The key from which each token's admin PIN is derived, sealed under the field key.
CREATE TABLE token_master (
  id      SMALLINT NOT NULL PRIMARY KEY CHECK (id = 1),
  sealed  BYTEA    NOT NULL,
  created BIGINT   NOT NULL
);
