#!/bin/sh
# Where the real server would open its databases, this tries that they open with what it was given; then it runs Temporal's
# development server, which keeps its own file.
set -eu
for database in "$DBNAME" "$VISIBILITY_DBNAME"; do
    PGPASSWORD=$POSTGRES_PWD psql --host "$POSTGRES_SEEDS" --port "$DB_PORT" --username "$POSTGRES_USER" \
        --dbname "$database" --command 'SELECT 1' >/dev/null
done
test -s "$DYNAMIC_CONFIG_FILE_PATH"
exec temporal server start-dev --ip "$BIND_ON_IP" --db-filename /var/lib/temporal/temporal.db \
    --ui-ip 0.0.0.0 --ui-port 8233 --ui-public-path /desk/temporal --ui-disable-news-fetch \
    --metrics-port 9090 --log-level warn
