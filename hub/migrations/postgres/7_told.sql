-- How bins last said that they are (src/wire/told.rs), as JSON. `kind`: fill, health, twin, or `alarm ` and its name.
CREATE TABLE told (
  bin_id      BIGINT NOT NULL REFERENCES bins (id),
  kind        TEXT NOT NULL,
  time_ms     BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  data        TEXT NOT NULL,
  PRIMARY KEY (bin_id, kind)
);

-- When a drop or a correction last came: a bin that only says how it is has nothing left to send.
ALTER TABLE presence ADD COLUMN counted_ms BIGINT NOT NULL DEFAULT 0;
UPDATE presence SET counted_ms = seen_ms;
