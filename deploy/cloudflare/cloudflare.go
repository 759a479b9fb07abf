// Package cloudflare holds what the Workers of the scenarios are deployed with:
// one wrangler.jsonc each, which wrangler deploys and the local runner reads, and
// the migrations of their databases.
package cloudflare

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/tidwall/jsonc"
)

//go:embed */*.jsonc */migrations/*.sql
var files embed.FS

// A Config is what is read here of a wrangler.jsonc.
type Config struct {
	Name      string     // of the Worker
	Main      string     // the module it begins with, from the file's folder
	Databases []Database `json:"d1_databases"`
	dir       string
}

// A Database is a binding to a D1 database.
type Database struct {
	Binding    string
	Name       string `json:"database_name"` // locally also its id
	Migrations string `json:"migrations_dir"`
}

// A Migration is one step of a database's schema, as wrangler counts them: by name.
type Migration struct {
	Name, SQL string
}

// Read returns a configuration by its name below this folder, such as
// edgeapi/wrangler.jsonc.
func Read(name string) (Config, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return Config{}, err
	}
	c := Config{dir: path.Dir(name)}
	if err := json.Unmarshal(jsonc.ToJSON(text), &c); err != nil {
		return Config{}, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// Names returns the names of all configurations, sorted.
func Names() ([]string, error) { return fs.Glob(files, "*/*.jsonc") }

// Databases returns the names of the databases of all configurations, sorted.
func Databases() ([]string, error) {
	names, err := Names()
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, name := range names {
		c, err := Read(name)
		if err != nil {
			return nil, err
		}
		for _, d := range c.Databases {
			found[d.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// MigrationsOf returns the migrations of a database in their order.
func (c Config) MigrationsOf(d Database) ([]Migration, error) {
	names, err := fs.Glob(files, path.Join(c.dir, d.Migrations, "*.sql"))
	if err != nil {
		return nil, err
	}
	var all []Migration
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, Migration{Name: path.Base(name), SQL: string(text)})
	}
	return all, nil
}
