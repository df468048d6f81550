-- Daily reconciliation (ra-web/src/payment/reconcile.rs).

-- What the provider of online payment settled, as it told. presented: what the payer paid; gross, fee and net are in the
-- currency that is settled.
CREATE TABLE settlement (
  id        TEXT   NOT NULL PRIMARY KEY,
  kind      TEXT   NOT NULL,
  reference TEXT,
  presented BIGINT,
  presented_currency TEXT,
  gross     BIGINT NOT NULL,
  fee       BIGINT NOT NULL,
  net       BIGINT NOT NULL,
  currency  TEXT   NOT NULL,
  at        BIGINT NOT NULL
);
CREATE INDEX settlement_at ON settlement (at, id);
CREATE INDEX settlement_reference ON settlement (reference, kind);

-- id: kind and subject. ours, theirs: fen. An open one is explained by finance, or goes when it is not found any more.
CREATE TABLE difference (
  id       TEXT   NOT NULL PRIMARY KEY,
  office   TEXT   NOT NULL,
  kind     TEXT   NOT NULL,
  subject  TEXT   NOT NULL,
  bill     TEXT,
  ours     BIGINT,
  theirs   BIGINT,
  note     TEXT   NOT NULL,
  state    TEXT   NOT NULL,
  found    BIGINT NOT NULL,
  seen     BIGINT NOT NULL,
  why      TEXT,
  by_id    TEXT,
  by_name  TEXT,
  at       BIGINT
);
CREATE INDEX difference_state ON difference (office, state, found, id);
CREATE INDEX payment_method ON payment (method, at);
CREATE INDEX bank_line_went ON bank_line (office, day, number) WHERE state = 'went';
CREATE INDEX bank_line_reference ON bank_line (reference) WHERE reference IS NOT NULL;
CREATE INDEX refund_reference ON refund (reference) WHERE reference IS NOT NULL;
