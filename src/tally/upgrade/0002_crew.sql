-- Version 2: what the crew did. Conventions as in schema.sql.

-- A row per request that would change something, whether it did or not: who, what, when, with what outcome.
-- Of the oldest rows only as many are kept as audit.rs says.
CREATE TABLE audit (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  run          INTEGER NOT NULL REFERENCES runs (id),
  wall_ms      INTEGER NOT NULL,
  synchronised INTEGER NOT NULL CHECK (synchronised IN (0, 1)),
  moment_ns    INTEGER NOT NULL CHECK (moment_ns >= 0),
  -- The login's name, or the name that was tried.
  who          TEXT NOT NULL CHECK (length(who) <= 64),
  -- The address it came from; empty for the terminal.
  address      TEXT NOT NULL CHECK (length(address) <= 64),
  -- What was asked for: log_in, flap_turn, settings_change ...
  what         TEXT NOT NULL CHECK (length(what) BETWEEN 1 AND 64),
  -- With which values, for a person to read; never a secret.
  detail       TEXT NOT NULL CHECK (length(detail) <= 1024),
  -- done, refused (it may not be, or not now) or failed (it was tried).
  outcome      TEXT NOT NULL CHECK (outcome IN ('done', 'refused', 'failed')),
  -- Why not; empty when it was done.
  why          TEXT NOT NULL CHECK (length(why) <= 1024)
) STRICT;

-- A row per time that somebody or something said how a compartment is. The newest row of each kind is what holds,
-- also after a restart. A compartment is known by its stream: the rig's order may change.
CREATE TABLE compartment_log (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  stream       TEXT NOT NULL CHECK (stream IN
    ('clear_pet', 'plastic', 'can', 'glass', 'paper', 'carton', 'film', 'foam', 'general')),
  -- emptied: and so no longer full; full: nothing more fits in; not_full: that was wrong; closed: the crew has closed
  -- it; opened: again.
  event        TEXT NOT NULL CHECK (event IN ('emptied', 'full', 'not_full', 'closed', 'opened')),
  wall_ms      INTEGER NOT NULL,
  synchronised INTEGER NOT NULL CHECK (synchronised IN (0, 1)),
  who          TEXT NOT NULL CHECK (length(who) <= 64),
  -- The newest drop then: what was dropped since is counted from it.
  last_seq     INTEGER NOT NULL CHECK (last_seq >= 0)
) STRICT;

CREATE INDEX compartment_log_by_stream ON compartment_log (stream, event, id);
