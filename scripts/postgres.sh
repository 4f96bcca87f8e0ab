#!/usr/bin/env bash
# Prints the URL of a PostgreSQL for the tests: the one that PEAL_TEST_POSTGRES names, one that answers on this machine
# without a password and has a database "test", or a private cluster in $PEAL_PG_DIR, which this script makes and starts
# as an unprivileged user. Installs Debian's package, as root, where there is none.
set -euo pipefail

: "${PEAL_PG_DIR:?names the directory of the private cluster}"
port=54329

if [ -n "${PEAL_TEST_POSTGRES:-}" ]; then
  echo "$PEAL_TEST_POSTGRES"
  exit
fi
if command -v psql >/dev/null && [ -z "${PEAL_PG_PRIVATE:-}" ] &&
  PGCONNECT_TIMEOUT=3 psql -qAt -h 127.0.0.1 -U postgres -w -d test -c 'SELECT 1' >/dev/null 2>&1; then
  echo "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
  exit
fi

newest() { find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1; }
if [ -z "$(newest)" ]; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "the tests need postgresql (installed by this script on Debian, as root)" >&2
    exit 1
  fi
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >&2
fi
bin=$(newest)

as=()
if [ "$(id -u)" = 0 ]; then
  as=(runuser -u postgres --) # the server refuses to run as root
  install -d -o postgres -g postgres -m 700 "$PEAL_PG_DIR"
else
  mkdir -p -m 700 "$PEAL_PG_DIR"
fi
cd /
if [ ! -f "$PEAL_PG_DIR/data/PG_VERSION" ]; then
  "${as[@]}" "$bin/initdb" -D "$PEAL_PG_DIR/data" -U postgres -A trust -E UTF8 --no-sync >&2
fi
if ! "${as[@]}" "$bin/pg_ctl" -D "$PEAL_PG_DIR/data" status >/dev/null; then
  "${as[@]}" "$bin/pg_ctl" -D "$PEAL_PG_DIR/data" -l "$PEAL_PG_DIR/log" -w \
    -o "-p $port -k $PEAL_PG_DIR -c listen_addresses=127.0.0.1" start >&2
fi
"${as[@]}" "$bin/createdb" -h 127.0.0.1 -p $port -U postgres test 2>/dev/null || true # it may be there
echo "postgres://postgres@127.0.0.1:$port/test?sslmode=disable"
