-- A change that undoes an earlier one names its place (ra-web/src/fund/undo.rs).
ALTER TABLE book_change ADD COLUMN undoes BIGINT; -- CZBZ
CREATE INDEX book_change_serial ON book_change (serial, seq);

-- When the base of one employee may be changed: whenever, once a fund year, or in the weeks of adjustment alone.
ALTER TABLE policy ADD COLUMN single_base TEXT NOT NULL DEFAULT 'free' CHECK (single_base IN ('free', 'yearly', 'window'));
