-- Officers who have gone through the first-run tour, or put it away. at: unix seconds.
CREATE TABLE tour_seen (
  officer TEXT   NOT NULL PRIMARY KEY,
  at      BIGINT NOT NULL
);
