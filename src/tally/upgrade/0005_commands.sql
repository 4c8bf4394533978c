-- Version 5: what the hub asked for. Conventions as in schema.sql.

-- A row per command, by the hub's id: the same id again is answered from here and not done again. Of the oldest rows
-- only as many are kept as commands.rs says.
CREATE TABLE commands (
  number  INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 64),
  name    TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
  outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  -- Why not; empty when it was done.
  why     TEXT NOT NULL CHECK (length(why) <= 1024),
  wall_ms INTEGER NOT NULL
) STRICT;
