-- Full-text search over items, kept in step by triggers in the same transaction.
CREATE VIRTUAL TABLE items_text USING fts5(name, description, content = 'items', content_rowid = 'rowid');

CREATE TRIGGER items_text_insert AFTER INSERT ON items BEGIN
  INSERT INTO items_text (rowid, name, description) VALUES (new.rowid, new.name, new.description);
END;

CREATE TRIGGER items_text_delete AFTER DELETE ON items BEGIN
  INSERT INTO items_text (items_text, rowid, name, description) VALUES ('delete', old.rowid, old.name, old.description);
END;

CREATE TRIGGER items_text_update AFTER UPDATE OF name, description ON items BEGIN
  INSERT INTO items_text (items_text, rowid, name, description) VALUES ('delete', old.rowid, old.name, old.description);
  INSERT INTO items_text (rowid, name, description) VALUES (new.rowid, new.name, new.description);
END;
