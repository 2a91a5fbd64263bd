#!/bin/sh
# Temporal reads its password from the environment alone: it is taken from the secret here, and is in no file of Compose.
set -eu
POSTGRES_PWD=$(cat /run/secrets/temporal_password)
export POSTGRES_PWD
exec /etc/temporal/entrypoint.sh "$@"
