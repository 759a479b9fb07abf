package scenarios

// All returns the nineteen scenarios in their order.
func All() []Scenario {
	return []Scenario{
		urlshortener(),
		ordernotify(),
		imageresize(),
		{Slug: "inventorysync", Title: "Inventory sync", Cloud: "AWS", Question: "A warehouse uploads a CSV to S3 every hour. Three downstream systems (pricing, search, analytics) each need the changes — at their own pace, without blocking each other."},
		webhooks(),
		orderprocessor(),
		edgeapi(),
		{Slug: "fraud", Title: "Fraud scoring", Cloud: "AWS", Question: "Flag suspicious orders in real time without blocking the checkout flow. High traffic: 500 orders/s at peak."},
		leaderboard(),
		checkout(),
		{Slug: "autoscaling", Title: "Autoscaling a web app", Cloud: "AWS", Question: "A traditional web app on EC2 fails under 10× traffic spikes. Redesign it to scale automatically without over-provisioning."},
		pubsubdlq(),
		servicebusdlq(),
		{Slug: "edgeuploads", Title: "Uploads at the edge", Cloud: "Cloudflare", Question: "Accept uploads at the edge, queue background processing, and store results durably with zero egress fees."},
		edgeroom(),
		{Slug: "failover", Title: "Region failover", Cloud: "AWS", Question: "A region-wide AWS outage would take your API completely offline. Design for RTO < 1 min and RPO < 5 seconds."},
		{Slug: "nightlybatch", Title: "Nightly batch", Cloud: "AWS", Question: "Your nightly pipeline processes 50 GB of events and costs $800/month. Cut it to under $200 using the right AWS options — without changing the output."},
		{Slug: "cloudrunapi", Title: "Monolith to Cloud Run", Cloud: "Google Cloud", Question: "Migrate a monolith to a containerised API on GCP that autoscales and stays under 100ms at the read path."},
		{Slug: "mediatranscode", Title: "Media transcoding", Cloud: "Azure", Question: "Media uploaded to Blob Storage must be transcoded asynchronously and indexed — and survive a transcoder crash."},
	}
}
