#!/usr/bin/env bash
# Runs the main job on the sandbox: validate, plan, apply, and the empty plan. It writes only into a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
sandbox=
trap '[ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null; rm -rf "$folder"' EXIT
cp "$(dirname "$0")/agents.yaml" "$folder"
cd "$folder"

run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

printf 'Starting a sandbox with 30 agents.\n'
reconciler sandbox --agents 30 --port 0 --company acme:4242 --token demo > sandbox.log &
sandbox=$!
for _ in $(seq 100); do
  grep -q listening sandbox.log && break
  sleep 0.1
done
cat sandbox.log

mkdir -m 700 secrets
(umask 077 && printf 'a-Password-from-a-file\n' > secrets/8005.txt)
export AGENT_8003_PASSWORD=a-Password-from-outside
export RECONCILER_TOKEN=demo
RECONCILER_ENDPOINT=$(sed -E 's/.*(http:[^ ]+).*/\1/' sandbox.log)
export RECONCILER_ENDPOINT

run reconciler validate
run reconciler plan
run reconciler apply --auto-approve | sed -n '1p;/^Applied/,$p'
run reconciler plan --detailed-exitcode
printf '\nThe second plan is empty: what the file says is what the vendor has.\n'
