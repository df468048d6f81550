-- Documents that nobody signed are forgotten (ra-web/src/fund/hall.rs).
CREATE INDEX fund_operation_draft ON fund_operation (expires) WHERE state = 'draft';
