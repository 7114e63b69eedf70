#!/usr/bin/env bash
# Tries what lies in deploy/: units, rules and dashboard, and has a real Prometheus scrape a real gateway.
#
# usage: deploy.sh GREFFIER
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
deploy=$PWD/deploy
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
fail() { printf 'deploy.sh: %s\n' "$1" >&2; exit 1; }

echo 'units'
mkdir "$work/units"
# They are checked where the program is, which need not be installed.
for unit in "$deploy"/systemd/*; do
  sed "s|/usr/bin/greffier|$program|" "$unit" > "$work/units/$(basename "$unit")"
done
for unit in "$work"/units/*.service; do
  systemd-analyze security --offline=true --threshold=20 --no-pager "$unit" | tail -1
done
systemd-analyze verify "$work"/units/*.service "$work"/units/*.timer 2> "$work/said" || true
! grep "^$work\|greffier" "$work/said" || fail 'systemd finds fault with a unit'

echo 'rules'
(cd "$deploy/prometheus" && promtool check rules greffier.rules.yml && promtool test rules greffier.rules.test.yml)
logrotate --debug "$deploy/logrotate/greffier" > "$work/said" 2>&1 || { cat "$work/said" >&2; fail 'logrotate'; }

echo 'a gateway, and a Prometheus that scrapes it'
cd "$work"
"$program" init --dev here --persons 2000 --listen 127.0.0.1:0 > made
mkfifo said.gateway
"$program" serve --config here/config.toml > said.gateway 2> log &
pids+=($!)
read -r _ _ address < said.gateway || { cat log >&2; fail 'the gateway does not run'; }
# A read that is given, and one that is withheld, with an alert.
"$program" read --instance here --address "$address" --as provider-02 list --page-size 2 > told
"$program" read --instance here --address "$address" --as provider-02 list --page-size 500 > told 2>&1 || true
mkdir prometheus
cp "$deploy/prometheus/greffier.rules.yml" prometheus/
sed "s|gateway.example:8443|$address|; s|15s|1s|; s|ca.pem|$work/here/pki/ca.pem|
     s|prometheus.pem|$work/here/pki/clients/security-soc.pem|
     s|prometheus.key|$work/here/pki/clients/security-soc.key|
     s|      ca_file|      server_name: localhost\n      ca_file|" \
  "$deploy/prometheus/prometheus.yml" > prometheus/prometheus.yml
promtool check config prometheus/prometheus.yml
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file=prometheus/prometheus.yml --storage.tsdb.path=data \
  --web.listen-address="127.0.0.1:$port" --log.level=warn 2> prometheus.log &
pids+=($!)
python3 - "$port" "$deploy" <<'PY' || { cat prometheus.log >&2; fail 'a query has no answer'; }
import json, re, sys, time, urllib.parse, urllib.request
port, deploy = sys.argv[1:]

def ask(query):
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            answer = json.load(answer)
    except OSError:
        return []
    assert answer["status"] == "success", answer
    return answer["data"]["result"]

board = json.load(open(f"{deploy}/grafana/greffier.json"))
queries = [t["expr"].replace('$instance', '.*') for p in board["panels"] for t in p["targets"]]
end = time.monotonic() + 60
# A rate wants two scrapes.
while (silent := [query for query in queries if not ask(query)]) and time.monotonic() < end:
    time.sleep(1)
assert not silent, silent
rules = re.findall(r"^ +expr: (.*)$", open(f"{deploy}/prometheus/greffier.rules.yml").read(), re.M)
for rule in rules:
    ask(rule)
assert ask('up{job="greffier"} == 1')
print(f"{len(queries)} queries of the dashboard answered, {len(rules)} rules asked")
PY
