-- How many corrections each ledger reports.
ALTER TABLE reports ADD COLUMN corrections BIGINT NOT NULL DEFAULT 0;

-- What bins were asked to send again (src/store/asks.rs): when, how much was missing then, and below which number the
-- next page of missing numbers begins.
CREATE TABLE asks (
  epoch_id  BIGINT PRIMARY KEY REFERENCES epochs (id),
  asked_ms  BIGINT NOT NULL,
  missing   BIGINT NOT NULL,
  below_seq BIGINT NOT NULL
);
