package leaderboard

import (
	_ "embed" // of the prices
	"fmt"
	"io"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
)

//go:embed prices.yaml
var pricesYAML []byte

// A Price is one line of the price list, with where it was read.
type Price struct {
	Name   string
	Price  float64
	Unit   string
	Source string
}

// Prices returns the price list by name.
func Prices() (map[string]Price, error) {
	var list []Price
	if err := yaml.Unmarshal(pricesYAML, &list); err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	byName := make(map[string]Price, len(list))
	for _, p := range list {
		byName[p.Name] = p
	}
	return byName, nil
}

// A Design is what a read costs in bytes, requests and processors.
type Design struct {
	Name          string
	BodyBytes     float64 // of a page, as sent
	HeaderBytes   float64 // of an answer, without a body too
	Same          float64 // share of the reads that are answered 304
	CDN           bool    // CloudFront in front
	CDNHits       float64 // share of the reads that it answers itself
	ReadsPerVCPU  float64 // per second, of the service
	ReadsPerCache float64 // per second that one cache node carries
}

// The sizes are those of a first page with 25 players, plain and zipped; 300
// bytes are the headers of one answer. What a vCPU carries is half of what one
// core did here, so that a lost task is not an outage.
const (
	plainBytes    = 1700
	zippedBytes   = 420
	headerBytes   = 300
	carriedBefore = 5_000  // reads/s of a vCPU that asks Redis for each
	carriedAfter  = 25_000 // reads/s of a vCPU that serves pages
	cacheReads    = 25_000 // reads/s of a cache node, each two commands
	unasked       = 1e9    // a cache that is asked a few times a second
)

// Designs returns the ways to serve the board, each with one thing more.
func Designs() []Design {
	return []Design{
		{Name: "before: Redis for every read, plain", BodyBytes: plainBytes, HeaderBytes: headerBytes, ReadsPerVCPU: carriedBefore, ReadsPerCache: cacheReads},
		{Name: "pages encoded once, plain", BodyBytes: plainBytes, HeaderBytes: headerBytes, ReadsPerVCPU: carriedAfter, ReadsPerCache: unasked},
		{Name: "+ gzip", BodyBytes: zippedBytes, HeaderBytes: headerBytes, ReadsPerVCPU: carriedAfter, ReadsPerCache: unasked},
		{Name: "+ 304 for half of the reads", BodyBytes: zippedBytes, HeaderBytes: headerBytes, Same: 0.5, ReadsPerVCPU: carriedAfter, ReadsPerCache: unasked},
		{Name: "+ CloudFront at list price, max-age=1", BodyBytes: zippedBytes, HeaderBytes: headerBytes, Same: 0.5, CDN: true, CDNHits: 0.99, ReadsPerVCPU: carriedAfter, ReadsPerCache: unasked},
	}
}

// A Cost is in dollars per million reads, by what they are paid for.
type Cost struct {
	Egress, CDN, Balancer, Tasks, Cache, Store float64
}

// Total is the sum.
func (c Cost) Total() float64 { return c.Egress + c.CDN + c.Balancer + c.Tasks + c.Cache + c.Store }

// CostOf returns what a million reads cost in a design, at a steady rate of reads
// and writes per second. Two tasks and two cache nodes are the least there is.
func CostOf(d Design, reads, writes float64, prices map[string]Price) Cost {
	const million, gb, hour = 1e6, 1e9, 3600
	price := func(name string) float64 { return prices[name].Price }
	perMillion := func(dollarsPerHour float64) float64 { return dollarsPerHour / (reads * hour) * million }

	bytes := d.HeaderBytes + (1-d.Same)*d.BodyBytes
	origin := reads
	var c Cost
	if d.CDN {
		origin = reads * (1 - d.CDNHits)
		c.CDN = million*bytes/gb*price("cdn_gb") + million*price("cdn_request")
	} else {
		c.Egress = million * bytes / gb * price("egress_gb")
	}
	c.Balancer = perMillion(price("balancer_hour") + origin*bytes*hour/gb*price("balancer_unit_hour"))
	tasks := max(2, origin/d.ReadsPerVCPU) // each of one vCPU and 2 GB
	c.Tasks = perMillion(tasks * (price("vcpu_hour") + 2*price("memory_gb_hour")))
	nodes := max(2, origin/d.ReadsPerCache)
	c.Cache = perMillion(nodes * price("cache_node_hour"))
	// A submission writes a player and a key, in a transaction at twice the price,
	// and its share of the counter; it reads three items, consistently.
	c.Store = perMillion(writes * hour * (5*price("write_unit") + 3*price("read_unit")))
	return c
}

// WriteCosts prints the designs as a Markdown table.
func WriteCosts(w io.Writer, reads, writes float64) error {
	prices, err := Prices()
	if err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	fmt.Fprintln(tw, "| design\t| egress\t| CDN\t| balancer\t| tasks\t| Redis\t| DynamoDB\t| $ per million reads\t|")
	fmt.Fprintln(tw, "| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t| ---\t|")
	for _, d := range Designs() {
		c := CostOf(d, reads, writes, prices)
		fmt.Fprintf(tw, "| %s\t| %.4f\t| %.4f\t| %.4f\t| %.4f\t| %.4f\t| %.4f\t| **%.4f**\t|\n", d.Name, c.Egress, c.CDN, c.Balancer, c.Tasks, c.Cache, c.Store, c.Total())
	}
	return tw.Flush()
}
