#!/bin/bash
# What the official image's entrypoint does with POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE and
# POSTGRES_INITDB_ARGS, as the user that the container runs as.
set -euo pipefail

if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  # shellcheck disable=SC2086 # several arguments in one variable
  initdb --username="$user" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=trust \
    ${POSTGRES_INITDB_ARGS:-}
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
  # Nobody comes in by TCP before the database is there.
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
  [ "$database" = postgres ] || psql --username "$user" --dbname postgres --command "create database \"$database\""
  pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
