package pubsubtest

import "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

// nested are the names of resources that a request carries whole.
func nested(request any) []string {
	switch r := request.(type) {
	case *pubsubpb.UpdateTopicRequest:
		return []string{r.GetTopic().GetName()}
	case *pubsubpb.UpdateSubscriptionRequest:
		return []string{r.GetSubscription().GetName()}
	case *pubsubpb.UpdateSnapshotRequest:
		return []string{r.GetSnapshot().GetName()}
	}
	return nil
}
