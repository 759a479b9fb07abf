-- Applied by every process at its start, one after the other; it only adds.
CREATE TABLE IF NOT EXISTS accounts (
	id         text PRIMARY KEY,
	price      bigint,                      -- of a pack, in millionths; none yet: nobody has set it
	pack       bigint NOT NULL DEFAULT 1,   -- units that are sold together
	partner_ms integer NOT NULL DEFAULT 0,  -- stand-in for the partner that is asked for this account's rebate: how long it takes
	balance    bigint NOT NULL DEFAULT 0 CHECK (balance >= 0)
);

-- One row per charge, with who made it. That an event is charged once is the inbox's
-- work, so nothing here is unique but the number.
CREATE TABLE IF NOT EXISTS charges (
	n          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	event      text NOT NULL,
	account    text NOT NULL,
	units      bigint NOT NULL,
	amount     bigint NOT NULL,
	message    text NOT NULL,     -- Pub/Sub's id of the delivery that did it
	deliveries integer NOT NULL,
	process    text NOT NULL,
	letter     text NOT NULL DEFAULT '',
	charged_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS charges_event ON charges (event);

-- Failures of messages, by Pub/Sub's id: what its own count of deliveries cannot tell.
CREATE TABLE IF NOT EXISTS failures (
	message   text PRIMARY KEY,
	n         integer NOT NULL,
	reason    text NOT NULL,
	failed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS failures_failed_at ON failures (failed_at);

-- Only with ON_POISON=park: events of a key that are not settled, in their order. A
-- key is parked while it has a row; an event passes when it has the first one.
CREATE TABLE IF NOT EXISTS parked (
	n      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	key    text NOT NULL,
	event  text NOT NULL,
	letter text NOT NULL,
	UNIQUE (key, event)
);

INSERT INTO accounts (id, price) VALUES ('acme', 2000000) ON CONFLICT DO NOTHING;
