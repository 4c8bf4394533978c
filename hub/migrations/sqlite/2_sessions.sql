-- Who is logged in to the district's page, on whichever copy. `token` is the SHA-256 of the cookie: whoever reads this
-- table cannot log in with it.
CREATE TABLE sessions (
  token      TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  expires_ms BIGINT NOT NULL
);
