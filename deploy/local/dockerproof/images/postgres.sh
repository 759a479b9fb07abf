#!/bin/sh
# What the official image does at its first start, as far as it is used here.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	if [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
		echo "this stand-in trusts whoever reaches it: say so with POSTGRES_HOST_AUTH_METHOD=trust" >&2
		exit 1
	fi
	initdb --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync
	echo "host all all all trust" >>"$PGDATA/pg_hba.conf"
	echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
fi
exec "$@"
