-- The shop's schema as it was found. Nothing here is changed by the fix: the same
-- file serves before and after, and both print its hash.
CREATE TABLE IF NOT EXISTS products (
	id        text PRIMARY KEY,
	price     integer NOT NULL CHECK (price > 0), -- cents
	stock     integer NOT NULL CHECK (stock >= 0),
	withdrawn boolean NOT NULL DEFAULT false
);

CREATE TABLE IF NOT EXISTS orders (
	id         uuid PRIMARY KEY,
	customer   text NOT NULL,
	state      text NOT NULL CHECK (state IN ('pending', 'paid', 'refused')),
	charge     text, -- the provider's
	reason     text, -- of a refusal
	placed_at  timestamptz NOT NULL DEFAULT now(),
	settled_at timestamptz
);

CREATE TABLE IF NOT EXISTS order_lines (
	order_id uuid NOT NULL REFERENCES orders,
	product  text NOT NULL REFERENCES products,
	quantity integer NOT NULL CHECK (quantity > 0),
	price    integer NOT NULL, -- of one, when it was ordered
	PRIMARY KEY (order_id, product)
);

CREATE INDEX IF NOT EXISTS orders_pending ON orders (placed_at) WHERE state = 'pending';

INSERT INTO products (id, price, stock) VALUES ('espresso-cup', 1250, 1000), ('last-one', 4900, 1) ON CONFLICT DO NOTHING;
