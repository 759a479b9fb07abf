package inbox_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/provingground/provingground/pkg/inbox"
)

// A payment that is delivered twice is booked once.
func Example() {
	ctx := context.Background()
	db, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	seen := inbox.Table{Name: "seen"}
	if _, err := db.Exec(ctx, seen.DDL()+"CREATE TABLE IF NOT EXISTS bookings (cents integer)"); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			first, err := seen.Claim(ctx, tx, "ledger", "payment-17")
			if err != nil || !first {
				return err // nil: it was booked before, acknowledge the message
			}
			_, err = tx.Exec(ctx, "INSERT INTO bookings (cents) VALUES (1250)")
			return err
		})
		fmt.Println("acknowledge:", err == nil)
	}
	// From time to time: claims that no delivery can ask for any more.
	removed, err := seen.Purge(ctx, db, 30*24*time.Hour, 1000)
	fmt.Println(removed, err)
}
