-- Quota invoices (ra-web/src/invoice/quota): papers in numbered runs, allotted to bills, sent, void.

-- worth: of each paper, in fen. stock, allotted, sent, void: how many of its papers are there; moved with each of them.
CREATE TABLE quota_run (
  code     TEXT   NOT NULL,
  first    BIGINT NOT NULL,
  last     BIGINT NOT NULL,
  worth    BIGINT NOT NULL,
  office   TEXT   NOT NULL,
  by_id    TEXT   NOT NULL,
  by_name  TEXT   NOT NULL,
  at       BIGINT NOT NULL,
  stock    BIGINT NOT NULL CHECK (stock >= 0),
  allotted BIGINT NOT NULL CHECK (allotted >= 0),
  sent     BIGINT NOT NULL CHECK (sent >= 0),
  void     BIGINT NOT NULL CHECK (void >= 0),
  PRIMARY KEY (code, first)
);
CREATE INDEX quota_run_office ON quota_run (office, at, code, first);
CREATE INDEX quota_run_stock ON quota_run (office, worth) WHERE stock > 0;

-- first: of its run. bill: with which it stands or stood last.
CREATE TABLE quota_paper (
  code   TEXT   NOT NULL,
  number BIGINT NOT NULL,
  first  BIGINT NOT NULL,
  office TEXT   NOT NULL,
  worth  BIGINT NOT NULL,
  state  TEXT   NOT NULL,
  bill   TEXT   REFERENCES bill (number),
  PRIMARY KEY (code, number),
  FOREIGN KEY (code, first) REFERENCES quota_run (code, first)
);
CREATE INDEX quota_paper_stock ON quota_paper (office, worth, code, number) WHERE state = 'stock';

-- delivery: JSON.
CREATE TABLE quota_wish (
  bill     TEXT   NOT NULL PRIMARY KEY REFERENCES bill (number),
  delivery TEXT   NOT NULL,
  by_id    TEXT   NOT NULL,
  by_name  TEXT   NOT NULL,
  at       BIGINT NOT NULL
);

-- papers: code and number of each, divided by blanks. sent_*: who sent them and when. end_*: who released or took them back, when and why.
CREATE TABLE quota_allotment (
  bill      TEXT   NOT NULL REFERENCES bill (number),
  n         BIGINT NOT NULL,
  office    TEXT   NOT NULL,
  amount    BIGINT NOT NULL,
  papers    TEXT   NOT NULL,
  by_id     TEXT   NOT NULL,
  by_name   TEXT   NOT NULL,
  at        BIGINT NOT NULL,
  state     TEXT   NOT NULL,
  waybill   TEXT,
  sent_id   TEXT,
  sent_name TEXT,
  sent_at   BIGINT,
  end_id    TEXT,
  end_name  TEXT,
  end_at    BIGINT,
  end_why   TEXT,
  version   BIGINT NOT NULL,
  PRIMARY KEY (bill, n)
);
-- A bill has papers of one allotment at a time.
CREATE UNIQUE INDEX quota_allotment_standing ON quota_allotment (bill) WHERE state = 'allotted' OR state = 'sent';
CREATE INDEX quota_allotment_office ON quota_allotment (office, state, at);

-- n: its place in the office's log, without gaps. note: the waybill, or why.
CREATE TABLE quota_log (
  office  TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  act     TEXT   NOT NULL,
  code    TEXT   NOT NULL,
  first   BIGINT NOT NULL,
  last    BIGINT NOT NULL,
  bill    TEXT,
  by_id   TEXT   NOT NULL,
  by_name TEXT   NOT NULL,
  at      BIGINT NOT NULL,
  note    TEXT   NOT NULL,
  PRIMARY KEY (office, n)
);
