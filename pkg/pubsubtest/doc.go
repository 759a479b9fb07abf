// Package pubsubtest is Google Pub/Sub in process.
package pubsubtest
