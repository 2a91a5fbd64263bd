#!/bin/sh
# Fills an empty volume from the backup named in BACKUP; refuses a volume that holds a cluster. PostgreSQL has to be stopped.
set -eu

folder=/backups/${BACKUP:?name a folder of the backups}
data=${PGDATA:?}
pg_verifybackup --format tar --no-parse-wal "$folder"
if [ -s "$data/PG_VERSION" ]; then
    echo "$data holds a cluster; move it away first" >&2
    exit 1
fi
mkdir -p "$data"
tar -xzf "$folder/base.tar.gz" -C "$data"
tar -xzf "$folder/pg_wal.tar.gz" -C "$data/pg_wal"
chmod 0700 "$data"
chown -R --reference=/var/lib/postgresql /var/lib/postgresql/*
echo "restored $BACKUP; the next start of PostgreSQL replays its log"
