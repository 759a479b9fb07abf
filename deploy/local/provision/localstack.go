package provision

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"go.yaml.in/yaml/v3"
)

// emailIdentity is the type that LocalStack's CloudFormation names and cannot make
// (4.14.0: "not implemented", and the stack fails). SES v1 has a call for it.
const emailIdentity = "AWS::SES::EmailIdentity"

// withoutIdentities makes those identities of a template by calls that the
// CloudFormation behind the configuration does not know, and returns the rest of
// the template. Elsewhere the template stays as it is.
func withoutIdentities(ctx context.Context, cfg aws.Config, template string) (rest string, err error) {
	if !strings.Contains(template, emailIdentity) || !isLocalStack(ctx, cfg) {
		return template, nil
	}
	rest, names, err := split(template)
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if err := verify(ctx, ses.NewFromConfig(cfg), name); err != nil {
			return "", fmt.Errorf("identity %s: %w", name, err)
		}
	}
	return rest, nil
}

// isLocalStack asks for a page that AWS and MiniStack do not have. Whoever does
// not answer is asked again by what follows, which says so.
func isLocalStack(ctx context.Context, cfg aws.Config) bool {
	if cfg.BaseEndpoint == nil {
		return false
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, *cfg.BaseEndpoint+"/_localstack/info", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// verify makes an address or a domain one that may send; LocalStack does not wait
// for its owner's confirmation.
func verify(ctx context.Context, client *ses.Client, name string) error {
	if strings.Contains(name, "@") {
		_, err := client.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: &name})
		return err
	}
	_, err := client.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: &name})
	return err
}

// split takes the identities out of a template and returns their names.
func split(template string) (rest string, names []string, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(template), &doc); err != nil {
		return "", nil, fmt.Errorf("template: %w", err)
	}
	if len(doc.Content) == 0 {
		return template, nil, nil
	}
	root := doc.Content[0]
	resources := value(root, "Resources")
	if resources.Kind != yaml.MappingNode {
		return template, nil, nil // CloudFormation has a word for it
	}
	kept := resources.Content[:0:0]
	for pair := range slices.Chunk(resources.Content, 2) {
		if value(pair[1], "Type").Value != emailIdentity {
			kept = append(kept, pair...)
			continue
		}
		name := value(value(pair[1], "Properties"), "EmailIdentity")
		if name.Tag == "!Ref" {
			name = value(value(value(root, "Parameters"), name.Value), "Default")
		}
		if name.Value == "" {
			return "", nil, fmt.Errorf("resource %s: its EmailIdentity is neither a name nor a parameter with a default", pair[0].Value)
		}
		names = append(names, name.Value)
	}
	resources.Content = kept
	raw, err := yaml.Marshal(&doc)
	return string(raw), names, err
}

// value returns that of a mapping's key; an empty node if it has none.
func value(mapping *yaml.Node, key string) *yaml.Node {
	for pair := range slices.Chunk(mapping.Content, 2) {
		if len(pair) == 2 && pair[0].Value == key {
			return pair[1]
		}
	}
	return &yaml.Node{}
}
