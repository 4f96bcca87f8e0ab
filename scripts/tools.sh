#!/usr/bin/env bash
# Builds a Go tool at a pinned version into $TOOLS, unless it is there already:
#   tools.sh NAME MODULE/PATH VERSION
set -euo pipefail

name=$1 package=$2 version=$3

if [ "$(go version -m "$TOOLS/$name" 2>/dev/null | awk '$1 == "mod" { print $3 }')" = "$version" ]; then
  exit 0
fi
echo "building $name $version into $TOOLS"
GOBIN=$TOOLS GOFLAGS= go install "$package@$version"
