-- What the postings of an office add up to, entry n included: added up from the first one each night, so that a look at
-- the books adds up only those since.
CREATE TABLE ledger_proof (
  office  TEXT   NOT NULL,
  account TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  balance BIGINT NOT NULL,
  PRIMARY KEY (office, account)
);
