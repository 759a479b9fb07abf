// Command pubsubtest serves Google Pub/Sub on this machine.
package main

func main() {}
