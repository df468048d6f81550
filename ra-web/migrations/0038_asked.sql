-- How often something was asked about without a token (ra-web/src/selfcare/asked.rs). hour: of the epoch.
CREATE TABLE asked_about (
  about TEXT   NOT NULL PRIMARY KEY,
  hour  BIGINT NOT NULL,
  n     BIGINT NOT NULL
);
CREATE INDEX asked_about_hour ON asked_about (hour);
