//go:build unix

package aws_test

import (
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/provingground/provingground/deploy/local/provision"
	"github.com/provingground/provingground/deploy/local/server/servertest"
)

func TestTheDataPlaneMakesTheTableThatTheServiceNames(t *testing.T) {
	template, err := os.ReadFile("urlshortener.yaml")
	if err != nil {
		t.Fatal(err)
	}
	env := servertest.Start(t, "dynamodb").Env()
	if err := provision.Apply(t.Context(), env, "urlshortener", string(template)); err != nil {
		t.Fatal(err)
	}
	db := dynamodb.New(dynamodb.Options{
		Region:       env["AWS_REGION"],
		BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials:  credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	// The name is the default in both templates.
	table, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: aws.String("urlshortener-links")})
	if err != nil {
		t.Fatal(err)
	}
	if keys := table.Table.KeySchema; len(keys) != 1 || aws.ToString(keys[0].AttributeName) != "name" {
		t.Errorf("key of the table = %+v, want name alone", keys)
	}
}

func TestTheBoardsTablesHaveTheirKeysAndTheStream(t *testing.T) {
	template, err := os.ReadFile("leaderboard.yaml")
	if err != nil {
		t.Fatal(err)
	}
	env := servertest.Start(t, "dynamodb").Env()
	if err := provision.Apply(t.Context(), env, "leaderboard", string(template)); err != nil {
		t.Fatal(err)
	}
	db := dynamodb.New(dynamodb.Options{
		Region:       env["AWS_REGION"],
		BaseEndpoint: aws.String(env["AWS_ENDPOINT_URL_DYNAMODB"]),
		Credentials:  credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	})
	for table, want := range map[string][]string{"leaderboard-players": {"bucket", "player"}, "leaderboard-keys": {"id"}} {
		out, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, key := range out.Table.KeySchema {
			got = append(got, aws.ToString(key.AttributeName))
		}
		if !slices.Equal(got, want) {
			t.Errorf("key of %s = %q, want %q", table, got, want)
		}
		if streams := out.Table.LatestStreamArn != nil; streams != (table == "leaderboard-players") {
			t.Errorf("stream of %s: %v", table, streams)
		}
	}
}
