package pubsubtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/provingground/provingground/pkg/pubsubtest/broker"
)

// policies is the service google.iam.v1.IAMPolicy. Policies are stored; only
// the dead-letter grants are ever enforced.
type policies struct {
	iampb.UnimplementedIAMPolicyServer
	engine *engine
}

func (p *policies) GetIamPolicy(_ context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	var policy *iampb.Policy
	err := p.engine.change(func(b *broker.Broker, _ time.Time) error {
		policy = b.Policy(r.GetResource())
		return found(b, r.GetResource())
	})
	return policy, err
}

func (p *policies) SetIamPolicy(_ context.Context, r *iampb.SetIamPolicyRequest) (*iampb.Policy, error) {
	if r.GetPolicy() == nil {
		return nil, status.Error(codes.InvalidArgument, "A policy is needed.")
	}
	policy := proto.CloneOf(r.GetPolicy())
	return policy, p.engine.change(func(b *broker.Broker, now time.Time) error {
		before := b.Policy(r.GetResource()).GetEtag()
		if len(policy.Etag) > 0 && !bytes.Equal(policy.Etag, before) {
			return status.Error(codes.Aborted, "The policy was changed meanwhile: its etag does not match.")
		}
		policy.Etag = etag(policy, before)
		return b.SetPolicy(now, r.GetResource(), policy)
	})
}

// etag changes with each policy, also if it is set to what it was before.
func etag(policy *iampb.Policy, before []byte) []byte {
	content, err := proto.MarshalOptions{Deterministic: true}.Marshal(policy)
	if err != nil {
		content = nil
	}
	sum := sha256.Sum256(append(content, before...))
	return sum[:8]
}

// TestIamPermissions answers that the caller, who is not known, may do it all.
func (p *policies) TestIamPermissions(_ context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	return &iampb.TestIamPermissionsResponse{Permissions: r.GetPermissions()}, p.engine.change(func(b *broker.Broker, _ time.Time) error {
		return found(b, r.GetResource())
	})
}

func found(b *broker.Broker, resource string) error {
	if !b.HasResource(resource) {
		return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", resource)
	}
	return nil
}
