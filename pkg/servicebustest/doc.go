// Package servicebustest is Azure Service Bus in this process.
package servicebustest
