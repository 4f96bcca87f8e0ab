#!/usr/bin/env bash
# Installs what some tests compare Peal with: python3 and Node.js (the verification code that receivers run),
# curl (the commands that documentation prints), Chromium (the dashboard), PgBouncer, and the npm packages of test/oracles, pinned, in $PEAL_NPM_DIR.
# Needs root on Debian only for what is not there yet.
set -euo pipefail
cd "$(dirname "$0")/.."

: "${PEAL_NPM_DIR:?names the directory for npm packages}"

missing=()
for pair in python3:python3 node:nodejs npm:npm curl:curl chromium:chromium /usr/sbin/pgbouncer:pgbouncer; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if [ ${#missing[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "the tests need: ${missing[*]} (installed by this script on Debian, as root)" >&2
    exit 1
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

if ! cmp -s test/oracles/package-lock.json "$PEAL_NPM_DIR/installed-lock.json"; then
  mkdir -p "$PEAL_NPM_DIR"
  cp test/oracles/package.json test/oracles/package-lock.json "$PEAL_NPM_DIR/"
  npm ci --prefix "$PEAL_NPM_DIR" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp test/oracles/package-lock.json "$PEAL_NPM_DIR/installed-lock.json"
fi
