#!/usr/bin/env bash
# Runs examples/fleet.yml under act against the emulator, three bots: first with one that does not
# close, then with all in order.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=$(mktemp -d)
emulator=
trap 'if [ -n "$emulator" ]; then kill "$emulator"; fi; rm -rf "$scratch"' EXIT
cd "$scratch"
mkdir -p action workspace/.github/workflows
cp -R "$root"/{action.yml,dist} action
git init --quiet workspace
git -C workspace -c user.name=- -c user.email=- commit --quiet --allow-empty --message -

secret=NoRealSecret-35-characters-or-more_0
fleet=(1000000001 1000000002 1000000003)

start_emulator() {
  local flags=() bot
  for bot in "$@"; do flags+=(--bot "$bot:$secret"); done
  true > requests
  "$root/node_modules/.bin/node" "$root/emulator/main.ts" "${flags[@]}" >> requests &
  emulator=$!
  while kill -0 "$emulator" && ! grep -q ' at http' requests; do sleep 0.1; done
  # The example as it is, but for the address of the API.
  awk -v "url=$(sed -n 's/.* at http/http/p' requests)" \
    '{ print } /uses: OWNER\/close-bale-bot@v1/ { getline; print; print "          api-url: " url }' \
    "$root/examples/fleet.yml" > workspace/.github/workflows/fleet.yml
  grep -q '^ *api-url: http://127.0.0.1:' workspace/.github/workflows/fleet.yml
}

stop_emulator() {
  kill "$emulator"
  wait "$emulator"
  emulator=
}

move() {
  cd workspace
  "$root/scripts/act.sh" workflow_dispatch --workflows .github/workflows/fleet.yml \
    --local-repository "OWNER/close-bale-bot@v1=$scratch/action" \
    --secret "BALE_TOKEN_ORDERS=${fleet[0]}:$secret" \
    --secret "BALE_TOKEN_SUPPORT=${fleet[1]}:$secret" \
    --secret "BALE_TOKEN_NEWS=${fleet[2]}:$secret" > ../log 2>&1 && status=0 || status=$?
  cd ..
}

# require DESCRIPTION COMMAND...: the command succeeds.
require() {
  if ! "${@:2}" > /dev/null; then
    cat requests log
    echo "Not so: $1" >&2
    exit 1
  fi
  echo "- $1"
}
closed() { grep -q "^bot $1 close -> 200" requests; }
logged() { grep "^\[Move the fleet/$1[ -].*$2 - Main " log; }
absent() { ! grep "$1" log; }

echo 'One bot of three does not close:'
start_emulator "${fleet[0]}" "${fleet[2]}"
move
stop_emulator
require 'the first is closed' closed 1000000001
require 'the third is closed' closed 1000000003
require 'the log says which one failed' logged 'Close BALE_TOKEN_SUPPORT' Failure
require 'the log says of one that it is closed' logged 'Close BALE_TOKEN_ORDERS' Success
require 'the log says of the other that it is closed' logged 'Close BALE_TOKEN_NEWS' Success
require 'the others go on (act knows no fail-fast)' grep 'fail-fast: false' "$root/examples/fleet.yml"
require 'the run failed' test "$status" != 0
require 'there is no migration' absent 'Move the fleet/Migrate'
require 'no secret shows' absent "$secret"

echo 'All three close:'
start_emulator "${fleet[@]}"
move
stop_emulator
for bot in "${fleet[@]}"; do require "bot $bot is closed" closed "$bot"; done
require 'the migration follows' logged Migrate Success
require 'the run passed' test "$status" = 0
