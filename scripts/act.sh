#!/usr/bin/env bash
# Runs act on the workspace in the current directory, without Docker: the jobs run on this machine,
# with the project's Node 24 first on their path. All arguments go to act.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

act=
for found in "${ACT:-}" "$root/.cache/tools/bin/act" "$(command -v act || true)"; do
  if [ -x "$found" ]; then act=$found && break; fi
done
if [ -z "$act" ]; then
  cat >&2 << 'END'
act was not found. It runs GitHub's workflows on your machine: https://github.com/nektos/act
With Go 1.25 and Python 3, `.ci/tools` installs the version that this project is tested with.
Otherwise install act as you like; it must be on the PATH, or its path in the variable ACT.
END
  exit 1
fi

PATH=$root/node_modules/.bin:$PATH
if [[ $(node --version) != v24.* ]]; then
  echo 'The workflows need Node 24. On Linux, "npm ci" brings it.' >&2
  exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Neither this machine's settings and variables nor a developer's .env reach the jobs.
env -i HOME="$scratch" PATH="$PATH" LANG=C.UTF-8 \
  timeout --foreground --kill-after 10 900 "$act" "$@" \
  --platform ubuntu-latest=-self-hosted --platform self-hosted=-self-hosted \
  --action-cache-path "$scratch/cache" --no-cache-server --container-daemon-socket - \
  --env-file /dev/null --secret-file /dev/null --var-file /dev/null --input-file /dev/null
