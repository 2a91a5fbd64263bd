#!/bin/sh
# Copies the whole cluster, all three databases from one moment, into a folder of its own, verifies the copy, and removes
# what is older than KEEP_DAYS. Work goes on meanwhile.
set -eu

PGPASSWORD=$(cat /run/secrets/backup_password)
export PGPASSWORD PGHOST="${PGHOST:-postgres}" PGUSER=backup
umask 077

name=$(date -u +%Y%m%dT%H%M%SZ)
folder=/backups/$name
trap 'rm -rf "$folder.part"' EXIT
pg_basebackup --pgdata "$folder.part" --format tar --gzip --wal-method stream --checkpoint fast --label "longtail $name"
pg_verifybackup --format tar --no-parse-wal "$folder.part"
mv "$folder.part" "$folder"
find /backups -mindepth 1 -maxdepth 1 -type d -name '*Z' -mtime "+${KEEP_DAYS:-30}" -exec rm -rf {} +
echo "$name"
