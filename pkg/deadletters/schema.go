package deadletters

import "strings"

// DDL returns the statements that make the tables where they are missing.
func (t Table) DDL() string {
	return t.sql(`
CREATE TABLE IF NOT EXISTS @ (
	seq          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
	id           text PRIMARY KEY,
	event        text NOT NULL,
	key          text NOT NULL,
	source       text NOT NULL,
	reason       text NOT NULL,
	error        text NOT NULL,
	shape        text NOT NULL,
	failures     integer NOT NULL,
	deaths       integer NOT NULL DEFAULT 1,
	state        text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'queued', 'sent', 'taken', 'discarded')),
	redrive      text NOT NULL DEFAULT '',
	published_at timestamptz NOT NULL,
	died_at      timestamptz NOT NULL DEFAULT now(),
	died_last_at timestamptz NOT NULL DEFAULT now(),
	settled_at   timestamptz,
	body         bytea NOT NULL,
	attributes   jsonb NOT NULL
);
CREATE INDEX IF NOT EXISTS @@_open ON @ (reason, shape) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS @@_redrive ON @ (redrive, state) WHERE redrive <> '';
CREATE INDEX IF NOT EXISTS @@_settled ON @ (settled_at) WHERE settled_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS @_redrives (
	name       text PRIMARY KEY,
	selection  text NOT NULL,
	who        text NOT NULL,
	state      text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'stopped')),
	letters    integer NOT NULL,
	taken      integer NOT NULL DEFAULT 0,
	died       integer NOT NULL DEFAULT 0,
	created_at timestamptz NOT NULL DEFAULT now(),
	ended_at   timestamptz
);

CREATE TABLE IF NOT EXISTS @_audit (
	seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at      timestamptz NOT NULL DEFAULT now(),
	who     text NOT NULL,
	action  text NOT NULL,
	letter  text NOT NULL DEFAULT '',
	redrive text NOT NULL DEFAULT '',
	detail  text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS @@_audit_letter ON @_audit (letter);
`)
}

// sql puts the name in: @ for the table, @@ for what an index may be called.
func (t Table) sql(statement string) string {
	return strings.NewReplacer("@@", strings.ReplaceAll(t.Name, ".", "_"), "@", t.Name).Replace(statement)
}
