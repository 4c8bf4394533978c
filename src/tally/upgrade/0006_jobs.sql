-- Version 6: commands that take a while. Conventions as in schema.sql.

-- What a command brought, as the uplink writes it; empty where there is nothing to tell.
ALTER TABLE commands ADD COLUMN result TEXT NOT NULL DEFAULT '' CHECK (length(result) <= 1024);
-- The hub has been told 'accepted', and not yet what came of it.
ALTER TABLE commands ADD COLUMN untold INTEGER NOT NULL DEFAULT 0 CHECK (untold IN (0, 1));
CREATE INDEX commands_untold ON commands (number) WHERE untold = 1;
