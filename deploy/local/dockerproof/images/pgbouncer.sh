#!/bin/sh
# The settings that the vendor's image makes of its environment, as far as they are
# used here, under the names that it gives them.
set -eu
users=/data/users.txt
: >"$users"
cat >/data/pgbouncer.ini <<END
[databases]
* = host=$DB_HOST port=$DB_PORT auth_user=$DB_USER
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = 5432
unix_socket_dir =
auth_file = $users
auth_type = $AUTH_TYPE
pool_mode = $POOL_MODE
max_client_conn = $MAX_CLIENT_CONN
default_pool_size = $DEFAULT_POOL_SIZE
max_db_connections = $MAX_DB_CONNECTIONS
ignore_startup_parameters = extra_float_digits
admin_users = postgres
server_connect_timeout = $SERVER_CONNECT_TIMEOUT
server_login_retry = $SERVER_LOGIN_RETRY
query_wait_timeout = $QUERY_WAIT_TIMEOUT
idle_transaction_timeout = $IDLE_TRANSACTION_TIMEOUT
END
exec pgbouncer /data/pgbouncer.ini
