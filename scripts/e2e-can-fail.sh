#!/usr/bin/env bash
# Proves that the end-to-end workflow can fail: breaks a copy of the bundle, one promise at a time,
# and requires that the step which holds this promise notices.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$copy"
cp -R "$root"/{.github,action.yml,dist,emulator,package.json,src} .
git init --quiet .
git -c user.name=- -c user.email=- commit --quiet --allow-empty --message -

# The sabotage runs as the bundle exits. It finds the outputs one to a line.
sed -i "1i import './sabotage.js'" dist/index.js
cat > sabotage-begin.js << 'END'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const { 'INPUT_API-URL': api, 'INPUT_BALE-TOKEN': token, GITHUB_OUTPUT: file } = process.env
const edit = (change) => writeFileSync(file, change(readFileSync(file, 'utf8')))
const request = (method) => {
  const script = 'fetch(process.argv[1], { signal: AbortSignal.timeout(2000) })'
  spawnSync(process.execPath, ['--eval', script, `${api}/bot${token}/${method}`])
}

END

end_to_end() {
  echo "process.on('exit', (code) => { $1 })" | cat sabotage-begin.js - > dist/sabotage.js
  "$root/scripts/act.sh" push --workflows .github/workflows/e2e.yml > log 2>&1
}

# Arguments: what is wrong, the step that must notice, the sabotage.
must_fail() {
  echo "- $1"
  if end_to_end "$3"; then
    cat log
    echo "The run passed, although $1." >&2
    exit 1
  fi
  if ! grep -F "Failure - Main $2 [" log; then
    cat log
    echo "The step \"$2\" did not notice that $1." >&2
    exit 1
  fi
}

echo '- nothing is wrong'
if ! end_to_end ''; then
  cat log
  echo 'The run failed, although nothing is wrong.' >&2
  exit 1
fi
must_fail 'closed is always true' 'It failed before any request' \
  "edit((outputs) => outputs.replaceAll(/^false$/gm, 'true'))"
must_fail 'a failure passes' 'It failed, the job goes on, the outputs are there' \
  'process.exitCode = 0'
must_fail 'a failure has no outputs' 'It failed, the job goes on, the outputs are there' \
  "if (code !== 0) edit(() => '')"
must_fail 'an output holds the secret' 'No output holds a part of a secret' \
  "edit((outputs) => outputs + 'secret=' + token.split(':')[1] + '\n')"
must_fail 'a closed bot is asked again' 'It is closed, by one request' \
  "request('getMe')"
must_fail 'a dry run sends a request' 'It passed without a request' \
  "if (process.env['INPUT_DRY-RUN'] === 'true') request('close')"
