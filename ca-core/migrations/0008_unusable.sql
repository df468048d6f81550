-- All that a list needs of held and revoked certificates, in one index: a list of a million is read without a look at
-- the table. The index of 0002, with further columns.
DROP INDEX certificate_status_unusable;
CREATE INDEX certificate_status_unusable
  ON certificate_status (issuer, serial, not_after, status, reason, since) WHERE status <> 0;
