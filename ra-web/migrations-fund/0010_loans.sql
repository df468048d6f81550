-- Loans on the fund and what was repaid of them (ra-web/src/fund/loan.rs): brought in, and only read here. rate in
-- hundred-thousandths a year, first as yyyymm.
CREATE TABLE loan (
  number    TEXT   NOT NULL PRIMARY KEY,
  person    TEXT   NOT NULL REFERENCES person (id),
  principal BIGINT NOT NULL CHECK (principal > 0),
  rate      BIGINT NOT NULL CHECK (rate BETWEEN 0 AND 100000),
  months    BIGINT NOT NULL CHECK (months BETWEEN 1 AND 480),
  method    TEXT   NOT NULL CHECK (method IN ('equal_instalment', 'equal_principal')),
  granted   TEXT   NOT NULL,
  first     BIGINT NOT NULL
);
CREATE INDEX loan_person ON loan (person, number);

CREATE TABLE repayment (
  loan      TEXT   NOT NULL REFERENCES loan (number),
  n         BIGINT NOT NULL,
  day       TEXT   NOT NULL,
  principal BIGINT NOT NULL,
  interest  BIGINT NOT NULL,
  PRIMARY KEY (loan, n)
);
