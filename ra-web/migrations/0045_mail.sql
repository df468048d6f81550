-- Mails to units (ra-web/src/mail): written in the transaction of the fact, sent by the job `mail` of the same id.

-- id: the kind and what it is about, so that a fact has one mail. letter: JSON, what it tells. sent: when the mail server took it.
-- refused: why it did not, the last time.
CREATE TABLE mail (
  id      TEXT   NOT NULL PRIMARY KEY,
  kind    TEXT   NOT NULL,
  office  TEXT   NOT NULL,
  subject TEXT   NOT NULL,
  address TEXT   NOT NULL,
  letter  TEXT   NOT NULL,
  created BIGINT NOT NULL,
  sent    BIGINT,
  refused TEXT
);
CREATE INDEX mail_office ON mail (office, created, id);
