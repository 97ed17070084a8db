#!/usr/bin/env bash
# Runs act on the workspace in the current directory, without Docker: the jobs run on this machine,
# with the Node that is first on the path. All arguments go to act.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

act=
for found in "${ACT:-}" "$root/.cache/tools/bin/act" "$(command -v act || true)"; do
  if [ -x "$found" ]; then act=$found && break; fi
done
if [ -z "$act" ]; then
  echo 'act was not found. .ci/tools installs it (that needs Go), or name its path in the variable ACT.' >&2
  exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Neither this machine's settings and variables nor a developer's .env reach the jobs.
env -i HOME="$scratch" PATH="$PATH" LANG=C.UTF-8 \
  timeout --foreground --kill-after 60 900 "$act" "$@" \
  --platform ubuntu-latest=-self-hosted --platform self-hosted=-self-hosted \
  --action-cache-path "$scratch/cache" --no-cache-server --container-daemon-socket - \
  --env-file /dev/null --secret-file /dev/null --var-file /dev/null --input-file /dev/null
