-- On whose word a batch moves: a worker does it in their name. NULL while it never moved.
ALTER TABLE batch ADD COLUMN mover_id TEXT;
ALTER TABLE batch ADD COLUMN mover_name TEXT;
