-- 1: the crew has taken its word on the drop back; `truth` is that word.
ALTER TABLE corrections ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1));
