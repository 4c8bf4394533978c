-- The ledger of one bin, /var/lib/bunri/tally.db: what truly happened, written before it is told to anybody.
--
-- Look into it in the field while the daemon runs:  sqlite3 -readonly tally.db 'SELECT * FROM drop_view'
--
-- Conventions: *_ms is wall time in milliseconds since 1970 UTC, exactly as the board believed it then and never
-- corrected in place; *_synchronised says whether a time service vouched for it; *_ns is the kernel's monotonic clock
-- (CLOCK_BOOTTIME), comparable only within one boot. Identifiers are those of the source: streams.rs, judge/verdict.rs.
--
-- This file is version 1 and never changes once released; later versions are steps of their own (upgrade.rs).

-- One row: which ledger this is.
CREATE TABLE ledger (
  only       INTEGER PRIMARY KEY CHECK (only = 1),
  -- Drawn by the kernel when the file was made. Drops are numbered within it: a new file, a new epoch.
  epoch      TEXT NOT NULL CHECK (length(epoch) BETWEEN 8 AND 64),
  -- The newest number given out. It only grows, so that no number is used twice, whatever happens to the rows.
  last_seq   INTEGER NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
  created_ms INTEGER NOT NULL
) STRICT;

-- A row per start of the process (and per reopening within one: the same run_id again).
CREATE TABLE runs (
  id                   INTEGER PRIMARY KEY,
  run_id               TEXT NOT NULL,
  boot_id              TEXT NOT NULL,
  software             TEXT NOT NULL,
  -- The model bundle it recognised with; null where none was loaded.
  bundle               TEXT,
  bundle_sha256        TEXT,
  started_ms           INTEGER NOT NULL,
  started_synchronised INTEGER NOT NULL CHECK (started_synchronised IN (0, 1)),
  started_ns           INTEGER NOT NULL CHECK (started_ns >= 0),
  -- running: now, or until the next start finds out; clean: it said goodbye; unknown: crash, kill or power cut.
  ended                TEXT NOT NULL DEFAULT 'running' CHECK (ended IN ('running', 'clean', 'unknown')),
  ended_ms             INTEGER,
  ended_ns             INTEGER CHECK (ended_ns >= 0),
  CHECK ((bundle IS NULL) = (bundle_sha256 IS NULL)),
  CHECK ((ended = 'clean') = (ended_ms IS NOT NULL)),
  CHECK ((ended_ms IS NULL) = (ended_ns IS NULL))
) STRICT;

CREATE UNIQUE INDEX one_run_at_a_time ON runs (ended) WHERE ended = 'running';

-- A row per verdict the flap was to act upon. Never deleted.
CREATE TABLE drops (
  seq                 INTEGER PRIMARY KEY CHECK (seq > 0),
  run                 INTEGER NOT NULL REFERENCES runs (id),
  -- intent: decided, not yet known to have happened; confirmed: the item is gone; void: it did not happen.
  state               TEXT NOT NULL DEFAULT 'intent' CHECK (state IN ('intent', 'confirmed', 'void')),
  -- When: read together at the decision.
  wall_ms             INTEGER NOT NULL,
  wall_synchronised   INTEGER NOT NULL CHECK (wall_synchronised IN (0, 1)),
  moment_ns           INTEGER NOT NULL CHECK (moment_ns >= 0),
  -- What was decided.
  label               TEXT NOT NULL,
  seen                TEXT NOT NULL CHECK (seen IN
    ('clear_pet', 'plastic', 'can', 'glass', 'paper', 'carton', 'film', 'foam', 'general')),
  probability         REAL NOT NULL CHECK (probability BETWEEN 0.0 AND 1.0),
  votes               INTEGER NOT NULL CHECK (votes >= 0),
  stream              TEXT NOT NULL CHECK (stream IN
    ('clear_pet', 'plastic', 'can', 'glass', 'paper', 'carton', 'film', 'foam', 'general')),
  -- Null: "please take it back".
  compartment         INTEGER CHECK (compartment BETWEEN 0 AND 255),
  -- Null: accepted.
  reason              TEXT CHECK (reason IN
    ('not_sure', 'unknown', 'two_items', 'compartment_full', 'compartment_disabled', 'not_collected_here')),
  settled_ns          INTEGER NOT NULL CHECK (settled_ns >= 0),
  decided_ns          INTEGER NOT NULL CHECK (decided_ns >= 0),
  -- When it was confirmed or voided, and by which run: another one, if the power went in between.
  closed_run          INTEGER REFERENCES runs (id),
  closed_ms           INTEGER,
  closed_synchronised INTEGER CHECK (closed_synchronised IN (0, 1)),
  closed_ns           INTEGER CHECK (closed_ns >= 0),
  void_cause          TEXT CHECK (length(void_cause) > 0),
  -- An accepted item goes where it looks like; a rejected one is general waste or goes back.
  CHECK (CASE WHEN reason IS NULL THEN stream = seen AND compartment IS NOT NULL ELSE stream = 'general' END),
  CHECK ((state = 'intent') = (closed_run IS NULL)),
  CHECK ((closed_run IS NULL) = (closed_ms IS NULL)),
  CHECK ((closed_run IS NULL) = (closed_synchronised IS NULL)),
  CHECK ((closed_run IS NULL) = (closed_ns IS NULL)),
  CHECK ((state = 'void') = (void_cause IS NOT NULL))
) STRICT;

-- The chamber holds one item: there is at most one open intent.
CREATE UNIQUE INDEX one_open_intent ON drops (state) WHERE state = 'intent';
CREATE INDEX drops_by_time ON drops (wall_ms);

-- The empty chamber as the camera last knew it: what an open intent is resolved against after a power cut.
CREATE TABLE chamber (
  only  INTEGER PRIMARY KEY CHECK (only = 1),
  seq   INTEGER NOT NULL REFERENCES drops (seq),
  image BLOB NOT NULL
) STRICT;

-- Cumulative counts of closed drops, changed in the transaction that closes one. `bunri tally verify` recounts them.
CREATE TABLE totals (
  -- The stream the item looked like.
  seen    TEXT NOT NULL CHECK (seen IN
    ('clear_pet', 'plastic', 'can', 'glass', 'paper', 'carton', 'film', 'foam', 'general')),
  -- accepted; the reason of a reject; returned: given back whatever the reason; void: it did not happen.
  outcome TEXT NOT NULL CHECK (outcome IN ('accepted', 'not_sure', 'unknown', 'two_items', 'compartment_full',
    'compartment_disabled', 'not_collected_here', 'returned', 'void')),
  count   INTEGER NOT NULL CHECK (count > 0),
  PRIMARY KEY (seen, outcome)
) STRICT, WITHOUT ROWID;

-- What the hub has not acknowledged yet. The payload is built from the drop, which no longer changes.
CREATE TABLE outbox (
  id                   INTEGER PRIMARY KEY AUTOINCREMENT,
  kind                 TEXT NOT NULL CHECK (kind IN ('drop')),
  seq                  INTEGER NOT NULL REFERENCES drops (seq),
  created_ms           INTEGER NOT NULL,
  created_synchronised INTEGER NOT NULL CHECK (created_synchronised IN (0, 1)),
  UNIQUE (seq, kind)
) STRICT;

-- A drop with everything known about it: what the program reads, and people too.
CREATE VIEW drop_view AS
SELECT
  d.seq,
  (SELECT epoch FROM ledger) || ':' || d.seq AS id,
  d.state,
  strftime('%Y-%m-%dT%H:%M:%fZ', d.wall_ms / 1000.0, 'unixepoch') AS time,
  d.wall_ms, d.wall_synchronised, d.moment_ns,
  d.label, d.seen, d.probability, d.votes, d.stream, d.compartment, d.reason,
  CASE
    WHEN d.state = 'void' THEN 'void'
    WHEN d.compartment IS NULL THEN 'returned'
    ELSE coalesce(d.reason, 'accepted')
  END AS outcome,
  d.settled_ns, d.decided_ns,
  r.boot_id, r.run_id, r.software, r.bundle, r.bundle_sha256,
  d.closed_ms, d.closed_synchronised, d.closed_ns, c.boot_id AS closed_boot_id, c.run_id AS closed_run_id,
  d.void_cause
FROM drops AS d
JOIN runs AS r ON r.id = d.run
LEFT JOIN runs AS c ON c.id = d.closed_run;
