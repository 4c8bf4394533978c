-- Drops that a bin reports and will never send: they had waited too long, or were too many.
ALTER TABLE reports ADD COLUMN given_up BIGINT NOT NULL DEFAULT 0;
