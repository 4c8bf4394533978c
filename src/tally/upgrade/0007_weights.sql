-- Version 7: what items weighed, where a bin has a scale. Conventions as in schema.sql.

-- A row per drop that was weighed.
CREATE TABLE weights (
  seq      INTEGER PRIMARY KEY REFERENCES drops (seq),
  -- Grams, to a tenth.
  weight_g REAL NOT NULL CHECK (weight_g > 0.0)
) STRICT;

DROP VIEW drop_view;

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
  d.void_cause,
  w.weight_g
FROM drops AS d
JOIN runs AS r ON r.id = d.run
LEFT JOIN runs AS c ON c.id = d.closed_run
LEFT JOIN weights AS w ON w.seq = d.seq;
