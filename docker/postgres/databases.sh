#!/bin/sh
# Makes the three databases and their roles, each with the password of its secret; safe to repeat, also to change a
# password: write the new one into its file, run this job, restart who uses it.
set -eu

PGPASSWORD=$(cat /run/secrets/postgres_password)
export PGPASSWORD PGHOST="${PGHOST:-postgres}" PGUSER=postgres PGDATABASE=postgres

# The password reaches psql in its own variable, not in its arguments, which other processes can read.
role() {
    ROLE_PASSWORD=$(cat "/run/secrets/$2") psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set "role=$1" --set "as=$3" <<'SQL'
\getenv password ROLE_PASSWORD
SELECT format('CREATE ROLE %I', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT format('ALTER ROLE %I LOGIN %s PASSWORD %L', :'role', :'as', :'password') \gexec
SQL
}

database() {
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set "name=$1" --set "owner=$2" <<'SQL'
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'name') \gexec
SQL
}

role longtail longtail_password NOREPLICATION
role temporal temporal_password NOREPLICATION
role backup backup_password REPLICATION
database longtail longtail
database temporal temporal
database temporal_visibility temporal
echo "roles and databases are there"
