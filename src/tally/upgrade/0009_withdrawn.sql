-- Version 9: the crew takes a word back. Conventions as in schema.sql.

-- 1: from here on the crew says nothing of the drop; `truth` is the word that was taken back.
ALTER TABLE corrections ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1));
