-- Work for later, done by any worker (ra-web/src/jobs). A job has no other name than what it is about: the same fact
-- asked for twice is one job.

-- due: when it may be taken; whoever takes it moves this ahead, and again while it works. turn: counts the takings; only
-- the last one may say what came of it. settled: when it was done, or given up.
CREATE TABLE job (
  kind     TEXT   NOT NULL,
  about    TEXT   NOT NULL,
  payload  TEXT   NOT NULL,
  state    TEXT   NOT NULL CHECK (state IN ('waiting', 'done', 'dead')),
  due      BIGINT NOT NULL,
  turn     BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  fault    TEXT,
  created  BIGINT NOT NULL,
  settled  BIGINT,
  PRIMARY KEY (kind, about)
);
CREATE INDEX job_due ON job (kind, due, about) WHERE state = 'waiting';
CREATE INDEX job_settled ON job (state, settled);

-- What comes round. next_run moves by compare-and-swap, with the job in the same transaction.
CREATE TABLE schedule (
  kind     TEXT   NOT NULL PRIMARY KEY,
  next_run BIGINT NOT NULL
);
