#!/usr/bin/env bash
# Runs each fuzz target of the tree for $FUZZTIME, one after the other.
set -euo pipefail

found=0
while IFS=: read -r file target; do
  found=$((found + 1))
  echo "== $file $target"
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}"
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed -e 's|^\./||' -e 's/:func /:/' | sort)
echo "$found fuzz targets ran"
