package provision

import (
	"slices"
	"strings"
	"testing"
)

const mails = `
Parameters:
  From: {Type: String, Default: shop@example.com}
Resources:
  Sender:
    Type: AWS::SES::EmailIdentity
    Properties: {EmailIdentity: !Ref From}
  Mails:
    Type: AWS::SES::ConfigurationSet
    Properties: {Name: mails}
  Domain:
    Type: AWS::SES::EmailIdentity
    Properties: {EmailIdentity: example.org}
Outputs:
  Set: {Value: !GetAtt Mails.Name}
`

func TestIdentitiesAreTakenOutOfATemplateAndTheRestStays(t *testing.T) {
	rest, names, err := split(mails)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"shop@example.com", "example.org"}; !slices.Equal(names, want) {
		t.Errorf("identities %q, want %q", names, want)
	}
	if strings.Contains(rest, emailIdentity) || !strings.Contains(rest, "AWS::SES::ConfigurationSet") || !strings.Contains(rest, "!GetAtt Mails.Name") {
		t.Errorf("the rest:\n%s", rest)
	}
}

func TestAnIdentityWithoutANameNamesItsResource(t *testing.T) {
	for _, template := range []string{
		strings.Replace(mails, "!Ref From", "!Ref Form", 1),
		strings.Replace(mails, ", Default: shop@example.com", "", 1),
		"Resources: {Sender: {Type: AWS::SES::EmailIdentity}}",
	} {
		if _, _, err := split(template); err == nil || !strings.Contains(err.Error(), "Sender") {
			t.Errorf("error %v, want one that names the resource, of %s", err, template)
		}
	}
}

func TestATemplateWithoutResourcesStaysAsItIs(t *testing.T) {
	for _, template := range []string{"", "# AWS::SES::EmailIdentity", "Resources: [{Type: AWS::SES::EmailIdentity}]"} {
		if rest, names, err := split(template); rest != template || names != nil || err != nil {
			t.Errorf("%q became %q, %q, %v", template, rest, names, err)
		}
	}
}
