package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// Apply creates or updates the stack at every AWS endpoint in env, which holds
// the variables that the roles get. Each emulator process makes every resource,
// and clients use the one that owns the service. It returns when all are there.
func Apply(ctx context.Context, env map[string]string, name, template string) error {
	for _, endpoint := range endpoints(env) {
		if err := applyAt(ctx, env, endpoint, name, template); err != nil {
			return fmt.Errorf("stack %s at %s: %w", name, endpoint, err)
		}
	}
	return nil
}

func applyAt(ctx context.Context, env map[string]string, endpoint, name, template string) error {
	cfg, err := newConfig(ctx, env, endpoint)
	if err != nil {
		return err
	}
	known, err := withoutIdentities(ctx, cfg, template)
	if err != nil {
		return err
	}
	return stack{client: cloudformation.NewFromConfig(cfg), name: name, template: known}.apply(ctx)
}

func endpoints(env map[string]string) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(key, "AWS_ENDPOINT_URL") && !slices.Contains(all, env[key]) {
			all = append(all, env[key])
		}
	}
	return all
}

func newConfig(ctx context.Context, env map[string]string, endpoint string) (aws.Config, error) {
	cfg := aws.Config{Region: env["AWS_REGION"]}
	if key := env["AWS_ACCESS_KEY_ID"]; key != "" {
		cfg.Credentials = credentials.NewStaticCredentialsProvider(key, env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"])
	} else {
		var err error
		if cfg, err = config.LoadDefaultConfig(ctx, config.WithRegion(cfg.Region)); err != nil {
			return cfg, err
		}
	}
	// AWS itself has CloudFormation elsewhere, an emulator has all behind one door.
	u, err := url.Parse(endpoint)
	if err != nil {
		return cfg, err
	}
	if !strings.HasSuffix(u.Hostname(), ".amazonaws.com") {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	return cfg, nil
}

type stack struct {
	client         *cloudformation.Client
	name, template string
}

func (s stack) apply(ctx context.Context) error {
	found, err := s.describe(ctx)
	if err != nil {
		return err
	}
	if found != nil && broken(found.StackStatus) {
		if err := s.remove(ctx); err != nil {
			return err
		}
		found = nil
	}
	if found == nil {
		return s.create(ctx)
	}
	return s.update(ctx)
}

// broken tells a stack whose creation failed: it can only be deleted.
func broken(status types.StackStatus) bool {
	return status == types.StackStatusCreateFailed || status == types.StackStatusRollbackComplete ||
		status == types.StackStatusRollbackFailed || status == types.StackStatusDeleteFailed
}

func (s stack) create(ctx context.Context) error {
	_, err := s.client.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: &s.name, TemplateBody: &s.template,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	})
	// There was none when we looked: an attempt without an answer, which the client
	// repeated, has made it.
	if _, made := errors.AsType[*types.AlreadyExistsException](err); err != nil && !made {
		return err
	}
	return s.await(ctx, types.StackStatusCreateComplete)
}

func (s stack) update(ctx context.Context) error {
	_, err := s.client.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: &s.name, TemplateBody: &s.template,
		Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	})
	if refused, ok := errors.AsType[smithy.APIError](err); ok && strings.Contains(refused.ErrorMessage(), "No updates are to be performed") {
		return nil
	}
	if err != nil {
		return err
	}
	return s.await(ctx, types.StackStatusUpdateComplete)
}

func (s stack) remove(ctx context.Context) error {
	if _, err := s.client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &s.name}); err != nil {
		return err
	}
	return s.await(ctx, types.StackStatusDeleteComplete)
}

// describe returns nil when there is no such stack.
func (s stack) describe(ctx context.Context) (*types.Stack, error) {
	out, err := s.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &s.name})
	if refused, ok := errors.AsType[smithy.APIError](err); ok && strings.Contains(refused.ErrorMessage(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(out.Stacks) == 0 || out.Stacks[0].StackStatus == types.StackStatusDeleteComplete {
		return nil, nil
	}
	return &out.Stacks[0], nil
}

// await returns when the stack has the status; a status that cannot lead to it is
// an error with the reason of the first resource that failed.
func (s stack) await(ctx context.Context, want types.StackStatus) error {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		found, err := s.describe(ctx)
		if err != nil {
			return err
		}
		if found == nil && want == types.StackStatusDeleteComplete {
			return nil
		}
		if found == nil {
			return errors.New("it vanished")
		}
		if found.StackStatus == want {
			return nil
		}
		if ended(found.StackStatus) {
			return fmt.Errorf("%s: %s", found.StackStatus, s.reason(ctx))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still %s: %w", found.StackStatus, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func ended(status types.StackStatus) bool {
	return !strings.HasSuffix(string(status), "_IN_PROGRESS")
}

func (s stack) reason(ctx context.Context) string {
	out, err := s.client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &s.name})
	if err != nil {
		return "its events cannot be read: " + err.Error()
	}
	reason := "no event says why"
	for _, e := range out.StackEvents { // newest first, so the last one found began it
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && aws.ToString(e.LogicalResourceId) != s.name {
			reason = fmt.Sprintf("%s (%s): %s", aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), aws.ToString(e.ResourceStatusReason))
		}
	}
	return reason
}
