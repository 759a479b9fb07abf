-- Applied by every process at its start, one after the other; it only adds.

-- What was applied, by the day of the event, so that what is no longer remembered
-- goes with its partition. An event has the same day in every retry.
CREATE SEQUENCE IF NOT EXISTS applied;
CREATE TABLE IF NOT EXISTS inbox (
	day        date NOT NULL,
	provider   text NOT NULL,
	event_id   text NOT NULL,
	account    text NOT NULL,
	version    bigint NOT NULL,
	type       text NOT NULL,
	amount     bigint NOT NULL, -- that the event added: 0 where its type has no effect
	body       bytea NOT NULL,  -- as it was signed, for a replay
	seq        bigint NOT NULL DEFAULT nextval('applied'),
	applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (day, provider, event_id)
) PARTITION BY RANGE (day);
CREATE INDEX IF NOT EXISTS inbox_account ON inbox (provider, account, seq);

-- The effect.
CREATE TABLE IF NOT EXISTS accounts (
	provider     text NOT NULL,
	account      text NOT NULL,
	events       bigint NOT NULL DEFAULT 0,
	received     bigint NOT NULL DEFAULT 0,  -- cents, the sum of all amounts
	version      bigint NOT NULL DEFAULT 0,  -- of the newest event
	plan         text NOT NULL DEFAULT '',
	plan_version bigint NOT NULL DEFAULT 0,  -- of the event that set it
	PRIMARY KEY (provider, account)
);
