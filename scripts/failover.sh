#!/usr/bin/env bash
# Two real PostgreSQL clusters, a primary and its synchronous standby, on free loopback ports and in a directory of their
# own. Without arguments it runs the test that kills the primary under load; the test calls the other forms:
#   failover.sh start          makes both clusters; prints their directory, the primary's port and the standby's
#   failover.sh kill DIR       ends the primary as a power cut would
#   failover.sh stop DIR       leaves the primary's connections open and answers nothing more on them
#   failover.sh promote DIR    makes the standby the primary
#   failover.sh remove DIR     ends both and removes what they wrote
# As root, the servers run as the user postgres, as they refuse to run as root.
set -Eeuo pipefail

if [ $# = 0 ]; then
  cd "$(dirname "$0")/.."
  PEAL_TEST_REQUIRE=1 exec go test -count=1 -v -run TestFailover ./test/blackbox
fi

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
if [ -z "$bin" ]; then
  echo "there is no PostgreSQL in /usr/lib/postgresql (scripts/postgres.sh installs it)" >&2
  exit 1
fi
as=()
if [ "$(id -u)" = 0 ]; then
  as=(runuser -u postgres --)
fi

free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)); (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

# server DIR NAME PORT starts a cluster.
server() {
  "${as[@]}" "$bin/pg_ctl" -D "$1/$2" -l "$1/$2.log" -w -s \
    -o "-p $3 -k $1 -c listen_addresses=127.0.0.1 -c shared_buffers=32MB" start >&2
}

sql() { "${as[@]}" "$bin/psql" -qAtX -h 127.0.0.1 -p "$1" -U postgres -d test -c "$2"; }

# everything DIR NAME gives the ids of a cluster's processes.
everything() {
  local main
  main=$(head -1 "$1/$2/postmaster.pid" 2>/dev/null) || return 0
  cat "/proc/$main/task/$main/children" 2>/dev/null || true
  echo "$main"
}

start() {
  local dir primary standby
  dir=$("${as[@]}" mktemp -d /var/tmp/peal-failover.XXXXXX)
  trap "remove '$dir'" ERR
  primary=$(free_port)
  standby=$(free_port)
  "${as[@]}" "$bin/initdb" -D "$dir/primary" -U postgres -A trust -E UTF8 --no-sync >/dev/null
  server "$dir" primary "$primary"
  "${as[@]}" "$bin/createdb" -h 127.0.0.1 -p "$primary" -U postgres test
  "${as[@]}" "$bin/pg_basebackup" -h 127.0.0.1 -p "$primary" -U postgres -D "$dir/standby" -R -X stream -c fast --no-sync
  server "$dir" standby "$standby"
  sql "$primary" "ALTER SYSTEM SET synchronous_standby_names = '*'"
  sql "$primary" "SELECT pg_reload_conf()" >/dev/null
  for _ in $(seq 100); do
    if [ "$(sql "$primary" "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ]; then
      echo "$dir $primary $standby"
      return
    fi
    sleep 0.1
  done
  echo "the standby does not follow" >&2
  return 1
}

remove() {
  local name
  for name in primary standby; do
    # shellcheck disable=SC2046 # a list of ids
    kill -9 $(everything "$1" "$name") 2>/dev/null || true
  done
  rm -rf "$1"
}

cd /
case $1 in
  start) start ;;
  # shellcheck disable=SC2046
  kill) kill -9 $(everything "$2" primary) ;;
  # shellcheck disable=SC2046
  stop) kill -STOP $(everything "$2" primary) ;;
  promote) "${as[@]}" "$bin/pg_ctl" -D "$2/standby" -w -s promote ;;
  remove) remove "$2" ;;
  *) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
