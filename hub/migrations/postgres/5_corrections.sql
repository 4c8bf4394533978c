-- What the crew says that items truly were. Of several for one drop the one with the highest number holds. `model`: name
-- and version of the bundle that decided, empty where none was loaded.
CREATE TABLE corrections (
  epoch_id    BIGINT NOT NULL REFERENCES epochs (id),
  number      BIGINT NOT NULL CHECK (number > 0),
  seq         BIGINT NOT NULL,
  time_ms     BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  truth       TEXT NOT NULL,
  seen        TEXT NOT NULL,
  stream      TEXT NOT NULL,
  label       TEXT NOT NULL,
  model       TEXT NOT NULL,
  PRIMARY KEY (epoch_id, number)
);
CREATE INDEX corrections_by_drop ON corrections (epoch_id, seq, number);
