#!/usr/bin/env bash
# Builds the bundle into a scratch directory and compares it, byte for byte, with the committed one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT

npm run --silent build -- --out "$built" --no-cache
if ! diff --recursive --brief dist "$built"; then
  echo 'dist is not what the source builds. Run: npm ci && npm run build' >&2
  exit 1
fi
echo 'dist is what the source builds.'
