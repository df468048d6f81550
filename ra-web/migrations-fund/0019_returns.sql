-- Money that goes back to where it came from: one clerk asks for it, another one sends it and notes the bank's number.
CREATE TABLE fund_line_return (
  line     TEXT   NOT NULL PRIMARY KEY REFERENCES fund_bank_line (number),
  asked_by TEXT   NOT NULL,
  asked    BIGINT NOT NULL
);
