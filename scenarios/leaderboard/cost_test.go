package leaderboard

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"
)

func TestEveryPriceHasItsSource(t *testing.T) {
	prices, err := Prices()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"egress_gb", "cdn_gb", "cdn_request", "balancer_hour", "balancer_unit_hour", "vcpu_hour", "memory_gb_hour", "cache_node_hour", "write_unit", "read_unit"} {
		if p := prices[name]; p.Price <= 0 || p.Unit == "" || !strings.HasPrefix(p.Source, "https://") {
			t.Errorf("price %s: %+v", name, p)
		}
	}
}

func TestCostsFollowFromBytesAndHours(t *testing.T) {
	unit := map[string]Price{"egress_gb": {Price: 1}, "cdn_gb": {Price: 2}, "cdn_request": {Price: 1e-6}, "cache_node_hour": {Price: 3.6}}
	d := Design{BodyBytes: 900, HeaderBytes: 100, ReadsPerVCPU: 1, ReadsPerCache: 250}
	for _, tt := range []struct {
		name string
		d    func(Design) Design
		want Cost
	}{
		{"a gigabyte for a million reads", func(d Design) Design { return d }, Cost{Egress: 1, Cache: 4}},
		{"half of them without a body", func(d Design) Design { d.Same = 0.5; return d }, Cost{Egress: 0.55, Cache: 4}},
		{"from the CDN, two nodes at least", func(d Design) Design { d.CDN, d.CDNHits = true, 0.9; return d }, Cost{CDN: 3, Cache: 2}},
	} {
		if got := CostOf(tt.d(d), 1000, 0, unit); math.Abs(got.Total()-tt.want.Total()) > 1e-9 || math.Abs(got.Cache-tt.want.Cache) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestTheReadmeHasTheTableThatTheCommandPrints(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCosts(&b, 50_000, 100); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(readme, b.Bytes()) {
		t.Errorf("README.md lacks the table of go run ./scenarios/leaderboard/cmd/cost:\n%s", b.String())
	}
}
