-- What a write with an Idempotency-Key did, and its first answer. The row is
-- written in the same batch as the write.
CREATE TABLE keys (
  key TEXT PRIMARY KEY,
  hash TEXT NOT NULL,    -- of the request
  attempt TEXT NOT NULL, -- which of its attempts was carried out
  status INTEGER NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  created INTEGER NOT NULL -- milliseconds since 1970
) WITHOUT ROWID;

CREATE INDEX keys_by_age ON keys (created);
