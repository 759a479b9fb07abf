-- Applied by every process at its start, one after the other; it only adds.
CREATE TABLE IF NOT EXISTS products (
	id    text PRIMARY KEY,
	stock integer NOT NULL CHECK (stock >= 0)
);

CREATE TABLE IF NOT EXISTS orders (
	id        text PRIMARY KEY,
	product   text NOT NULL REFERENCES products,
	quantity  integer NOT NULL CHECK (quantity > 0),
	email     text NOT NULL,
	placed_at timestamptz NOT NULL DEFAULT now()
);

-- inventory's own: a row per order it has decided on, and what it decided.
CREATE TABLE IF NOT EXISTS decisions (
	order_id   text PRIMARY KEY,
	confirmed  boolean NOT NULL,
	decided_at timestamptz NOT NULL DEFAULT now()
);

-- email's own: a row per mail. The lease says until when its sender may be at it,
-- the token which sender: a later one has a higher token.
CREATE TABLE IF NOT EXISTS mails (
	order_id    text NOT NULL,
	kind        text NOT NULL,
	state       text NOT NULL CHECK (state IN ('sending', 'released', 'sent', 'refused')),
	token       integer NOT NULL DEFAULT 1,
	sender      text NOT NULL, -- the process that claimed it last: host/process id
	claimed_at  timestamptz NOT NULL DEFAULT now(),
	lease_until timestamptz NOT NULL,
	answer_lost boolean NOT NULL DEFAULT false, -- the sender lives and had no answer from SES
	doubted_at  timestamptz, -- when somebody first met the row after its lease
	abandoned   jsonb NOT NULL DEFAULT '[]', -- attempts that were taken over: each may have been a mail
	message_id  text,
	reason      text,
	sent_at     timestamptz,
	PRIMARY KEY (order_id, kind)
);

INSERT INTO products (id, stock) VALUES ('espresso-cup', 1000), ('last-one', 1) ON CONFLICT DO NOTHING;
