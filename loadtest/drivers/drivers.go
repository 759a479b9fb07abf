// Package drivers knows which driver puts load on which scenario.
package drivers

import (
	"fmt"

	"github.com/provingground/provingground/loadtest/drivers/checkout"
	"github.com/provingground/provingground/loadtest/drivers/edgeapi"
	"github.com/provingground/provingground/loadtest/drivers/edgeroom"
	"github.com/provingground/provingground/loadtest/drivers/imageresize"
	"github.com/provingground/provingground/loadtest/drivers/leaderboard"
	"github.com/provingground/provingground/loadtest/drivers/ordernotify"
	"github.com/provingground/provingground/loadtest/drivers/orderprocessor"
	"github.com/provingground/provingground/loadtest/drivers/pubsubdlq"
	"github.com/provingground/provingground/loadtest/drivers/servicebusdlq"
	"github.com/provingground/provingground/loadtest/drivers/urlshortener"
	"github.com/provingground/provingground/loadtest/drivers/webhooks"
	"github.com/provingground/provingground/loadtest/trial"
)

// New returns the driver of the setup's scenario. It does no I/O.
func New(s trial.Setup) (trial.Driver, error) {
	switch s.Scenario.Slug {
	case "checkout":
		return checkout.New(s)
	case "edgeapi":
		return edgeapi.New(s)
	case "edgeroom":
		return edgeroom.New(s)
	case "imageresize":
		return imageresize.New(s)
	case "leaderboard":
		return leaderboard.New(s)
	case "ordernotify":
		return ordernotify.New(s)
	case "orderprocessor":
		return orderprocessor.New(s)
	case "pubsubdlq":
		return pubsubdlq.New(s)
	case "servicebusdlq":
		return servicebusdlq.New(s)
	case "urlshortener":
		return urlshortener.New(s)
	case "webhooks":
		return webhooks.New(s)
	}
	return nil, fmt.Errorf("no driver puts load on %s", s.Scenario.Slug)
}
