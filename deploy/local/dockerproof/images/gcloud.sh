#!/bin/sh
# The one command that docker-compose.yml gives, answered by pkg/pubsubtest.
set -eu
if [ "$#" != 6 ] || [ "$1 $2 $3 $4" != "beta emulators pubsub start" ]; then
	echo "this stand-in knows \"beta emulators pubsub start --project=… --host-port=…\" only" >&2
	exit 2
fi
exec pubsubtest -address "${6#--host-port=}"
