-- Version 3: what the crew says an item truly was. Conventions as in schema.sql.

-- A row per time that somebody said so; of several for one drop the newest holds. The drop itself never changes.
CREATE TABLE corrections (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  seq          INTEGER NOT NULL REFERENCES drops (seq),
  truth        TEXT NOT NULL CHECK (truth IN
    ('clear_pet', 'plastic', 'can', 'glass', 'paper', 'carton', 'film', 'foam', 'general')),
  wall_ms      INTEGER NOT NULL,
  synchronised INTEGER NOT NULL CHECK (synchronised IN (0, 1)),
  who          TEXT NOT NULL CHECK (length(who) <= 64)
) STRICT;

CREATE INDEX corrections_by_drop ON corrections (seq, id);
