-- A kind of document may have several scans, a scan several pages.
ALTER TABLE case_document RENAME TO case_document_single;
CREATE TABLE case_document (
  case_number TEXT   NOT NULL REFERENCES enrolment_case (number),
  kind        TEXT   NOT NULL,
  sheet       BIGINT NOT NULL,
  sha256      TEXT   NOT NULL,
  media       TEXT   NOT NULL,
  bytes       BIGINT NOT NULL,
  pages       BIGINT NOT NULL,
  name        TEXT   NOT NULL,
  added       BIGINT NOT NULL,
  PRIMARY KEY (case_number, kind, sheet)
);
INSERT INTO case_document (case_number, kind, sheet, sha256, media, bytes, pages, name, added)
SELECT case_number, kind, 1, sha256, media, bytes, 1, name, added FROM case_document_single;
DROP TABLE case_document_single;
CREATE INDEX case_document_sha256 ON case_document (sha256);

-- The practice statement (CPS) that goes with a case: the version in force when it was first saved, and the SHA-256 of
-- its text, empty when that was not configured.
CREATE TABLE case_statement (
  case_number TEXT   NOT NULL PRIMARY KEY REFERENCES enrolment_case (number),
  version     TEXT   NOT NULL,
  sha256      TEXT   NOT NULL,
  since       BIGINT NOT NULL
);
