-- Version 4: the hub is told of corrections too, and what is given up is counted. Conventions as in schema.sql.

CREATE TABLE outbox_4 (
  id                   INTEGER PRIMARY KEY AUTOINCREMENT,
  kind                 TEXT NOT NULL CHECK (kind IN ('drop', 'correction')),
  -- The drop it tells of.
  seq                  INTEGER NOT NULL REFERENCES drops (seq),
  -- What the crew said of it; null: the drop itself.
  correction           INTEGER REFERENCES corrections (id),
  created_ms           INTEGER NOT NULL,
  created_synchronised INTEGER NOT NULL CHECK (created_synchronised IN (0, 1)),
  CHECK ((kind = 'correction') = (correction IS NOT NULL))
) STRICT;

INSERT INTO outbox_4 (id, kind, seq, created_ms, created_synchronised)
SELECT id, kind, seq, created_ms, created_synchronised FROM outbox ORDER BY id;

-- Ids are never used twice, also those of messages that are gone.
DELETE FROM sqlite_sequence WHERE name = 'outbox_4';
INSERT INTO sqlite_sequence (name, seq) SELECT 'outbox_4', seq FROM sqlite_sequence WHERE name = 'outbox';

DROP TABLE outbox;
ALTER TABLE outbox_4 RENAME TO outbox;

CREATE UNIQUE INDEX outbox_drops ON outbox (seq) WHERE kind = 'drop';
CREATE UNIQUE INDEX outbox_corrections ON outbox (correction) WHERE kind = 'correction';

-- What the crew has said so far: no hub was told of it.
INSERT INTO outbox (kind, seq, correction, created_ms, created_synchronised)
SELECT 'correction', seq, id, wall_ms, synchronised FROM corrections ORDER BY id;

-- How many messages were given up because they were too old or too many. They may have arrived all the same, where only
-- their acknowledgement was lost.
CREATE TABLE given_up (
  kind    TEXT PRIMARY KEY CHECK (kind IN ('drop', 'correction')),
  count   INTEGER NOT NULL CHECK (count > 0),
  -- When it happened last, by the board's clock.
  last_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
