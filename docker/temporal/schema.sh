#!/bin/sh
# Brings both of Temporal's schemas to the version of this image; safe to repeat. Run it before a newer server starts.
set -eu
SQL_PASSWORD=$(cat /run/secrets/temporal_password)
export SQL_PASSWORD

sql() {
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --ep "${POSTGRES_SEEDS:-postgres}" -p "${DB_PORT:-5432}" -u temporal \
        --db "$database" "$@"
}

for database in temporal temporal_visibility; do
    # It fails where the schema is; whatever else may be wrong, the update fails on it too.
    sql "$database" setup-schema -v 0.0 || echo "$database has a schema"
    sql "$database" update-schema -d "/etc/temporal/schema/postgresql/v12/${database#temporal_}/versioned"
done
