-- Prices are in cents. The version counts the writes of an item, from 1.
CREATE TABLE items (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  price INTEGER NOT NULL CHECK (price >= 0),
  cost INTEGER NOT NULL CHECK (cost >= 0), -- what we pay: not for everybody
  version INTEGER NOT NULL,
  updated INTEGER NOT NULL -- milliseconds since 1970
);

CREATE INDEX items_by_name ON items (name, id);
