#!/bin/sh
exec node /opt/nodejs/lib/node_modules/npm/bin/npm-cli.js "$@"
