#!/bin/sh
# As the official image's entry point: makes the cluster at the first start, then runs the command.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata "$PGDATA" --username postgres --pwfile "$POSTGRES_PASSWORD_FILE" --auth-host scram-sha-256 \
        --encoding UTF8 --no-locale
fi
command=$1
shift
exec "$command" -c listen_addresses='*' "$@"
