//go:build unix

package checkout

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pins finds what makes RDS Proxy keep a connection for one client, and what breaks
// behind PgBouncer: state that outlives its transaction.
var pins = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(statement|execute [^:]*): *(SET|RESET|PREPARE|EXECUTE|DEALLOCATE|DISCARD|LISTEN|UNLISTEN|NOTIFY|LOAD|DECLARE)\b`),
	regexp.MustCompile(`(?i)\b(set_config|pg_advisory_lock|pg_try_advisory_lock|pg_advisory_lock_shared|nextval|setval|lastval|currval)\s*\(`),
	regexp.MustCompile(`(?i)CREATE\s+(TEMP|TEMPORARY)\b`),
	regexp.MustCompile(`execute [^<:][^:]*:`), // a statement with a name
}

// logged turns the log of all statements on, for the time of do, and returns what the
// user app sent meanwhile.
func (c *cluster) logged(t *testing.T, do func()) string {
	t.Helper()
	for _, sql := range []string{
		"ALTER SYSTEM SET log_statement = 'all'", "ALTER SYSTEM SET log_line_prefix = 'user=%u '", "SELECT pg_reload_conf()",
	} {
		c.exec(t, sql)
	}
	sign, end := "SELECT 'on "+rand.Text()+"'", "SELECT 'off "+rand.Text()+"'"
	postgres := c.servers.Get("postgres")
	read := func() string {
		if raw, err := os.ReadFile(filepath.Join(c.servers.Dir(), "postgres.log")); err == nil {
			return string(raw)
		}
		return postgres.Tail(1_000_000) // of a container
	}
	eventually(t, "statements are logged", func() bool {
		if _, err := c.settings.DB.Exec(t.Context(), sign); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(read(), sign)
	})
	do()
	if _, err := c.settings.DB.Exec(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log is written", func() bool { return strings.Contains(read(), end) })
	all := read()
	_, all, _ = strings.Cut(all[strings.LastIndex(all, sign):], "\n")
	var own strings.Builder
	ours := false
	for line := range strings.Lines(all) {
		if strings.HasPrefix(line, "user=") {
			ours = strings.HasPrefix(line, "user=app ")
		}
		if ours { // a statement may have several lines
			own.WriteString(line)
		}
	}
	return own.String()
}

func pinned(log string) (found []string) {
	for _, pin := range pins {
		found = append(found, pin.FindAllString(log, -1)...)
	}
	return found
}

func TestNothingPinsAConnection(t *testing.T) {
	c := newCluster(t)
	c.product(t, "cup", 300, 100)
	log := c.logged(t, func() {
		c.buy(t, key, "cup")
		c.buy(t, key, "cup")
		c.buy(t, key+"-2", "none")
		c.behave(Manners{MedianMS: 1, P99MS: 2, DeclineOneIn: 1})
		_, o := c.buy(t, key+"-3", "cup")
		resp, err := http.Get(c.shop.URL + "/api/checkouts/" + o.ID)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		c.leave(t)
		if err := c.service.orders.reject(t.Context(), Cart{Customer: "ada", Key: key + "-4"}, "out of stock"); err != nil {
			t.Fatal(err)
		}
		if err := c.settings.DB.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	for _, statement := range []string{"INSERT INTO checkout.orders", "state = 'paid'", "state = 'refused'", "WHERE o.state = 'pending'"} {
		if !strings.Contains(log, statement) {
			t.Errorf("the log has no %q: the suite does not cover it", statement)
		}
	}
	if found := pinned(log); len(found) > 0 {
		t.Errorf("statements that pin: %q", found)
	}
}

func TestWhatPinsIsFound(t *testing.T) {
	c := newCluster(t)
	for _, sql := range []string{
		"SET application_name = 'x'", "SELECT set_config('application_name', 'x', false)", "LISTEN news", "SELECT pg_advisory_lock(1)",
		"CREATE TEMP TABLE mine (id int)", "PREPARE own AS SELECT 1", "DISCARD ALL",
	} {
		log := c.logged(t, func() {
			if _, err := c.settings.DB.Exec(t.Context(), sql); err != nil {
				t.Logf("%s: %v", sql, err) // refused, and seen all the same
			}
		})
		if len(pinned(log)) == 0 {
			t.Errorf("%s is not found in\n%s", sql, log)
		}
	}
}
