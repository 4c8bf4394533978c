-- The hub's tables. PostgreSQL; the same columns in the other file, and every statement of src/store/ runs on both.
--
-- Conventions: *_ms is milliseconds since 1970 UTC. `time_ms` is the bin's own clock, which may be far off
-- (`clock_synchronised`); `received_ms` and `seen_ms` are this hub's. Flags are 0 or 1. Words are those of CONTRACT.md.

-- One row per bin that ever spoke.
CREATE TABLE bins (
  id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  district      TEXT NOT NULL,
  bin           TEXT NOT NULL,
  first_seen_ms BIGINT NOT NULL,
  UNIQUE (district, bin)
);

-- One row per ledger of a bin: a new board or card begins a new one, and numbers its drops from 1.
CREATE TABLE epochs (
  id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  bin_id        BIGINT NOT NULL REFERENCES bins (id),
  epoch         TEXT NOT NULL,
  first_seen_ms BIGINT NOT NULL,
  UNIQUE (bin_id, epoch)
);
CREATE INDEX epochs_by_name ON epochs (epoch);

-- One narrow row per drop, for ever: what makes a repetition harmless. `digest` is over the contents.
CREATE TABLE known (
  epoch_id BIGINT NOT NULL REFERENCES epochs (id),
  seq      BIGINT NOT NULL CHECK (seq > 0),
  digest   BIGINT NOT NULL,
  PRIMARY KEY (epoch_id, seq)
);

-- The drops themselves, by the month of `time_ms` (year * 100 + month, UTC; 0 for clocks beyond reason).
CREATE TABLE drops (
  month                   BIGINT NOT NULL,
  epoch_id                BIGINT NOT NULL,
  seq                     BIGINT NOT NULL,
  time_ms                 BIGINT NOT NULL,
  clock_synchronised      BIGINT NOT NULL CHECK (clock_synchronised IN (0, 1)),
  received_ms             BIGINT NOT NULL,
  stream                  TEXT NOT NULL,
  seen                    TEXT NOT NULL,
  label                   TEXT NOT NULL,
  probability             DOUBLE PRECISION NOT NULL CHECK (probability BETWEEN 0.0 AND 1.0),
  accepted                BIGINT NOT NULL CHECK (accepted IN (0, 1)),
  reason                  TEXT,
  compartment             BIGINT,
  settled_to_decided_ms   BIGINT NOT NULL,
  decided_to_confirmed_ms BIGINT,
  late                    BIGINT NOT NULL CHECK (late IN (0, 1)),
  PRIMARY KEY (month, epoch_id, seq)
) PARTITION BY RANGE (month);
-- Months get their own tables as they come (src/store/months.rs): an old one can be detached and kept elsewhere.
CREATE TABLE drops_other PARTITION OF drops DEFAULT;
CREATE INDEX drops_by_time ON drops (time_ms);

-- What `drops` adds up to, kept in the same transaction, by what items looked like. `outcome`: accepted (it went to
-- that stream), rejected (it went to general), returned.
CREATE TABLE totals (
  epoch_id BIGINT NOT NULL REFERENCES epochs (id),
  seen     TEXT NOT NULL,
  outcome  TEXT NOT NULL,
  items    BIGINT NOT NULL,
  PRIMARY KEY (epoch_id, seen, outcome)
);

-- The same by hour (`hour` is hours since 1970 UTC).
CREATE TABLE hourly (
  bin_id  BIGINT NOT NULL REFERENCES bins (id),
  hour    BIGINT NOT NULL,
  seen    TEXT NOT NULL,
  outcome TEXT NOT NULL,
  items   BIGINT NOT NULL,
  PRIMARY KEY (bin_id, hour, seen, outcome)
);
CREATE INDEX hourly_by_hour ON hourly (hour);

-- The newest cumulative counts that each ledger reported.
CREATE TABLE reports (
  epoch_id    BIGINT PRIMARY KEY REFERENCES epochs (id),
  reported_ms BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  last_seq    BIGINT NOT NULL,
  total       BIGINT NOT NULL,
  rejected    BIGINT NOT NULL,
  returned    BIGINT NOT NULL,
  voided      BIGINT NOT NULL,
  streams     TEXT NOT NULL
);

-- Drops that came under a number already taken by other contents: two boards run on copies of one card.
CREATE TABLE clones (
  epoch_id    BIGINT NOT NULL REFERENCES epochs (id),
  seq         BIGINT NOT NULL,
  digest      BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  payload     TEXT NOT NULL,
  PRIMARY KEY (epoch_id, seq, digest)
);

-- Whether each bin is connected, and when something of its own last came.
CREATE TABLE presence (
  bin_id     BIGINT PRIMARY KEY REFERENCES bins (id),
  seen_ms    BIGINT NOT NULL DEFAULT 0,
  state      TEXT,
  cause      TEXT,
  connection TEXT,
  changed_ms BIGINT
);

-- Whether each stream is taken by each bin, as its newest drop of that stream says: open, full or disabled.
CREATE TABLE openings (
  bin_id     BIGINT NOT NULL REFERENCES bins (id),
  stream     TEXT NOT NULL,
  epoch_id   BIGINT NOT NULL,
  seq        BIGINT NOT NULL,
  state      TEXT NOT NULL,
  since_ms   BIGINT NOT NULL,
  emptied_ms BIGINT,
  PRIMARY KEY (bin_id, stream)
);

-- What could not be understood, with the reason. `digest` is over topic and payload: a repetition counts up.
CREATE TABLE dead_letters (
  digest      BIGINT PRIMARY KEY,
  received_ms BIGINT NOT NULL,
  times       BIGINT NOT NULL,
  topic       TEXT NOT NULL,
  reason      TEXT NOT NULL,
  payload     TEXT NOT NULL
);
CREATE INDEX dead_letters_by_age ON dead_letters (received_ms);
