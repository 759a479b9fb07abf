package topology

import (
	"context"
	"slices"

	"cloud.google.com/go/iam/apiv1/iampb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// agent is the account that forwards dead letters (page "Dead-letter topics",
// "Grant forwarding permissions", read 2026-11-24).
func agent(projectNumber string) string {
	return "serviceAccount:service-" + projectNumber + "@gcp-sa-pubsub.iam.gserviceaccount.com"
}

// policies is the part of the clients of topics and of subscriptions that reads
// and writes who may do what.
type policies interface {
	GetIamPolicy(context.Context, *iampb.GetIamPolicyRequest, ...gax.CallOption) (*iampb.Policy, error)
	SetIamPolicy(context.Context, *iampb.SetIamPolicyRequest, ...gax.CallOption) (*iampb.Policy, error)
}

// grant adds the agent to a role of a resource, and leaves all else in its policy
// as it is. A server without policies needs no grant.
func (a *applier) grant(ctx context.Context, of policies, resource, role string) error {
	const attempts = 5 // somebody else may change the policy meanwhile
	var err error
	for range attempts {
		var policy *iampb.Policy
		policy, err = of.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: resource})
		if status.Code(err) == codes.Unimplemented {
			return nil
		}
		if err != nil || !bind(policy, role, a.agent) {
			return err
		}
		if _, err = of.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: resource, Policy: policy}); status.Code(err) != codes.Aborted {
			return err
		}
	}
	return err
}

// bind reports whether the policy had to be changed. A conditional binding is
// not the one that is meant.
func bind(policy *iampb.Policy, role, member string) bool {
	i := slices.IndexFunc(policy.Bindings, func(b *iampb.Binding) bool { return b.Role == role && b.Condition == nil })
	if i < 0 {
		policy.Bindings = append(policy.Bindings, &iampb.Binding{Role: role, Members: []string{member}})
		return true
	}
	if slices.Contains(policy.Bindings[i].Members, member) {
		return false
	}
	policy.Bindings[i].Members = append(policy.Bindings[i].Members, member)
	return true
}
