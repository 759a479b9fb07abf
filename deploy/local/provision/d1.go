package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/provingground/provingground/deploy/cloudflare"
)

// journal is the table in which wrangler, too, notes which migrations it applied.
const journal = `CREATE TABLE IF NOT EXISTS d1_migrations(
	id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`

// Migrate applies the migrations of a Worker's databases, those that they do not
// have yet, each in one transaction with the note that it was applied. Config is
// named from deploy/cloudflare; env holds D1_URL. A Worker without databases needs
// none.
func Migrate(ctx context.Context, env map[string]string, config string) error {
	c, err := cloudflare.Read(config)
	if err != nil {
		return err
	}
	for _, d := range c.Databases {
		if env["D1_URL"] == "" {
			return fmt.Errorf("migrate %s: D1_URL is not set", d.Name)
		}
		all, err := c.MigrationsOf(d)
		if err == nil {
			err = D1{URL: env["D1_URL"], Database: d.Name}.migrate(ctx, all)
		}
		if err != nil {
			return fmt.Errorf("migrate %s: %w", d.Name, err)
		}
	}
	return nil
}

// D1 is a database of the local D1 server.
type D1 struct {
	URL, Database string
}

// Statement is SQL and its parameters.
type Statement struct {
	SQL    string `json:"sql"`
	Params []any  `json:"params,omitempty"`
}

func (d D1) migrate(ctx context.Context, all []cloudflare.Migration) error {
	if _, err := d.Run(ctx, Statement{SQL: journal}); err != nil {
		return err
	}
	for _, m := range all {
		rows, err := d.Run(ctx, Statement{SQL: "SELECT name FROM d1_migrations WHERE name = ?", Params: []any{m.Name}})
		if err == nil && len(rows) == 0 {
			_, err = d.Run(ctx, Statement{SQL: m.SQL}, Statement{SQL: "INSERT INTO d1_migrations (name) VALUES (?)", Params: []any{m.Name}})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

// Run executes statements in one transaction and returns the rows of the last.
func (d D1) Run(ctx context.Context, all ...Statement) ([]map[string]any, error) {
	raw, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/"+d.Database+"/query", bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	return lastRows(text)
}

func lastRows(answer []byte) ([]map[string]any, error) {
	var refused struct{ Error string }
	if json.Unmarshal(answer, &refused) == nil && refused.Error != "" {
		return nil, errors.New(refused.Error)
	}
	var results []struct{ Results []map[string]any }
	if err := json.Unmarshal(answer, &results); err != nil {
		return nil, fmt.Errorf("D1 answers %.200q: %w", answer, err)
	}
	return results[len(results)-1].Results, nil
}
