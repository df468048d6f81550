-- What reports count, whom to remind before a certificate ends, and the register of complaints and incidents.
-- Days: since 1970-01-01 in Beijing. Months: years times twelve, plus the month from 0.

-- Lists by office and end are pieces of an index.
CREATE INDEX certificate_end ON certificate (office, not_after, issuer, serial) WHERE status = 0;

-- Moved in the transaction of each step (ra-web/src/reports). what: a word of its counts; 'ending' counts delivered
-- certificates that are not revoked, on the day of their end.
CREATE TABLE day_count (
  office TEXT   NOT NULL,
  day    BIGINT NOT NULL,
  what   TEXT   NOT NULL,
  month  BIGINT NOT NULL,
  n      BIGINT NOT NULL,
  PRIMARY KEY (office, day, what)
);

-- How long things took that ended in a month: how many in each step of a scale (ra-web/src/reports/scale.rs).
CREATE TABLE span_count (
  office TEXT   NOT NULL,
  month  BIGINT NOT NULL,
  what   TEXT   NOT NULL,
  step   BIGINT NOT NULL,
  n      BIGINT NOT NULL,
  PRIMARY KEY (office, month, what, step)
);

INSERT INTO day_count (office, day, what, month, n)
SELECT office, day, what, 0, COUNT(*) FROM (
  SELECT c.office AS office, (h.at + 28800) / 86400 AS day, CASE h.act WHEN 'issue' THEN 'issued-' || e.process
    WHEN 'deliver' THEN 'delivered' WHEN 'hold' THEN 'held' WHEN 'release' THEN 'released' WHEN 'revoke' THEN 'revoked'
    WHEN 'replace' THEN 'replaced' ELSE 'abandoned' END AS what
  FROM certificate c JOIN enrolment_case e ON e.number = c.case_number
  JOIN history h ON h.subject = c.issuer || '/' || c.serial
  WHERE h.act IN ('issue', 'deliver', 'hold', 'release', 'revoke', 'replace', 'abandon') AND h.from_state <> h.to_state
  UNION ALL
  SELECT office, (not_after + 28800) / 86400, 'ending' FROM certificate WHERE delivered IS NOT NULL AND status <> 2
) facts GROUP BY office, day, what;

-- The month of a day, by the calendar's arithmetic: eras of 400 years that begin with a March.
CREATE TABLE reckoning (day BIGINT NOT NULL PRIMARY KEY, era BIGINT NOT NULL, doe BIGINT NOT NULL, yoe BIGINT NOT NULL, mp BIGINT NOT NULL);
INSERT INTO reckoning (day, era, doe, yoe, mp) SELECT DISTINCT day, (day + 719468) / 146097, 0, 0, 0 FROM day_count;
UPDATE reckoning SET doe = day + 719468 - era * 146097;
UPDATE reckoning SET yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
UPDATE reckoning SET mp = (5 * (doe - (365 * yoe + yoe / 4 - yoe / 100)) + 2) / 153;
UPDATE day_count SET month = (SELECT (r.yoe + r.era * 400) * 12 + r.mp + 2 FROM reckoning r WHERE r.day = day_count.day);
DROP TABLE reckoning;

-- One row for each certificate and stage (days before its end). With the certificate's end and unit as they were, so that
-- lists read nothing else.
CREATE TABLE reminder (
  issuer    TEXT     NOT NULL,
  serial    TEXT     NOT NULL,
  stage     SMALLINT NOT NULL,
  office    TEXT     NOT NULL,
  uscc      TEXT     NOT NULL,
  not_after BIGINT   NOT NULL,
  made      BIGINT   NOT NULL,
  PRIMARY KEY (issuer, serial, stage)
);

-- Calls about a certificate that ends, as the clerk noted them. Append-only.
CREATE TABLE reminder_call (
  issuer  TEXT   NOT NULL,
  serial  TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  outcome TEXT   NOT NULL CHECK (outcome IN ('reached', 'no_answer', 'wrong_number', 'will_come', 'will_not_renew')),
  comes   TEXT,
  by_id   TEXT   NOT NULL,
  by_name TEXT   NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (issuer, serial, n)
);

-- Complaints and incidents, which the law's yearly inspection asks for. done: what was done about it, when it was.
CREATE TABLE incident (
  office  TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  kind    TEXT   NOT NULL CHECK (kind IN ('complaint', 'incident')),
  day     BIGINT NOT NULL,
  what    TEXT   NOT NULL,
  done    TEXT,
  by_id   TEXT   NOT NULL,
  by_name TEXT   NOT NULL,
  at      BIGINT NOT NULL,
  PRIMARY KEY (office, n)
);
CREATE INDEX incident_day ON incident (office, day, n);
