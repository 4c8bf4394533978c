-- What the context broker has taken (src/ngsi/): an entity whose digest is another one now is sent again.
CREATE TABLE exported (
  entity  TEXT PRIMARY KEY,
  digest  BIGINT NOT NULL,
  sent_ms BIGINT NOT NULL
);
