-- Units and their accounts (ra-web/src/fund/account.rs; names of JGJ/T 320-2014 in brackets).
-- Amounts in fen; rates in ten-thousandths; paid_through as yyyymm; opened as an ISO day of Beijing.
CREATE TABLE unit_account (
  account        TEXT   NOT NULL PRIMARY KEY,        -- DWZH
  name           TEXT   NOT NULL,                    -- DWMC
  uscc           TEXT   NOT NULL UNIQUE,             -- ZZJGDM
  unique_id      TEXT   UNIQUE,
  address        TEXT   NOT NULL,                    -- DWDZ
  handler        TEXT   NOT NULL,                    -- JBRXM
  handler_mobile TEXT   NOT NULL,                    -- JBRSJHM
  bank           TEXT   NOT NULL,                    -- STYHMC
  opened         TEXT   NOT NULL,                    -- DWKHRQ
  status         TEXT   NOT NULL CHECK (status IN ('01', '02', '03', '04', '05', '99')), -- DWZHZT
  unit_rate      BIGINT NOT NULL CHECK (unit_rate BETWEEN 1 AND 10000),                  -- DWJCBL
  personal_rate  BIGINT NOT NULL CHECK (personal_rate BETWEEN 1 AND 10000),              -- GRJCBL
  active_heads   BIGINT NOT NULL CHECK (active_heads >= 0),                              -- DWJCRS
  sealed_heads   BIGINT NOT NULL CHECK (sealed_heads >= 0),                              -- DWFCRS
  balance        BIGINT NOT NULL,                    -- DWZHYE
  suspense       BIGINT NOT NULL,                    -- ZSYE
  paid_through   BIGINT                              -- JZNY
);
