package postgres

import "testing"

func TestStatementsAreNamedByVerbAndTable(t *testing.T) {
	for query, want := range map[string]string{
		"":      "",
		";":     "",
		"begin": "BEGIN",
		"START TRANSACTION ISOLATION LEVEL SERIALIZABLE": "BEGIN",
		"commit;": "COMMIT",
		"insert into orders (id, body) values ($1, 'a;b (c')":                           "INSERT orders",
		`INSERT INTO "public"."Orders" VALUES ($1)`:                                     "INSERT public.Orders",
		"-- name: CreateOrder :one\nINSERT INTO orders VALUES ($1)":                     "INSERT orders",
		"/* a; b */ update only accounts set x = (select 1 from y)":                     "UPDATE accounts",
		"DELETE FROM outbox WHERE id = ANY($1)":                                         "DELETE outbox",
		"select id, (select max(n) from inner_table) from orders where x":               "SELECT orders",
		"select pg_advisory_xact_lock($1)":                                              "SELECT pg_advisory_xact_lock",
		"select 1":                                                                      "SELECT",
		"with due as (select id from outbox for update skip locked) delete from outbox": "DELETE outbox",
		"WITH a AS (DELETE FROM x RETURNING *) INSERT INTO archive SELECT * FROM a":     "INSERT archive",
		"create table if not exists orders (id int)":                                    "CREATE orders",
		"create unique index on orders (id)":                                            "CREATE on",
		"copy orders from stdin":                                                        "COPY orders",
		"listen jobs":                                                                   "LISTEN jobs",
		"savepoint a":                                                                   "SAVEPOINT a",
		"begin; insert into orders values (1); insert into outbox values (2); commit":   "BEGIN; INSERT orders; INSERT outbox; COMMIT",
		"insert into orders values (1); insert into orders values (2)":                  "INSERT orders",
		"do $$ begin delete from x; end $$":                                             "DO",
		"'":                                                                             "",
		"((((":                                                                          "",
	} {
		if got := label([]byte(query)); got != want {
			t.Errorf("label(%q) = %q, want %q", query, got, want)
		}
	}
}

func FuzzLabel(f *testing.F) {
	f.Add([]byte("select 'a' from b -- c"))
	f.Add([]byte(`select "" from ""`))
	f.Fuzz(func(t *testing.T, query []byte) {
		if got := label(query); len(got) > maxName {
			t.Errorf("a name of %d bytes", len(got))
		}
	})
}
