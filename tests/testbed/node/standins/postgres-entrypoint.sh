#!/usr/bin/env bash
# Contract of the upstream image, as far as a platform uses it: at the first start make the user POSTGRES_USER with the
# password in POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, and its database POSTGRES_DB, in PGDATA; meanwhile answer on
# the Unix socket only. Arguments that start with a dash are the server's. Runs as the pod's user, never as root.
set -euo pipefail
[ "${1:-postgres}" = postgres ] || [ "${1#-}" != "$1" ] || exec "$@"
[ "${1:-}" != postgres ] || shift
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  user=${POSTGRES_USER:-postgres}
  password=${POSTGRES_PASSWORD:-}
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || password=$(< "$POSTGRES_PASSWORD_FILE")
  [ -n "$password" ] || { echo "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set" >&2; exit 1; }
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  initdb --encoding=UTF8 --locale=C.UTF-8 --username "$user" --pwfile <(printf '%s\n' "$password") --auth-local trust --auth-host scram-sha-256
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  pg_ctl --pgdata "$PGDATA" --options "-c listen_addresses='' -p 5432" --wait start
  database=${POSTGRES_DB:-$user}
  [ "$database" = postgres ] || createdb --username "$user" "$database"
  pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec postgres -c listen_addresses='*' "$@"
