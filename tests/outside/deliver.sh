#!/usr/bin/env bash
# Delivers to receivers that are not ours: rsyslog over TLS, a webhook checked by the published library, an SMTP server, and
# OCSF findings held against their published models. Everything is in a folder that goes away.
#
# usage: deliver.sh GREFFIER
set -euo pipefail
program=$(realpath "$1")
outside=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
fail() { printf 'deliver.sh: %s\n' "$1" >&2; exit 1; }
# until FILE TEXT: waits until a line of the file has it.
until_said() {
  touch "$1"
  timeout 60 grep -q -m1 -- "$2" <(tail -n +1 -F --pid=$$ "$1" 2>/dev/null) || fail "$1 never had: $2"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

echo 'tools, pinned'
python3 -m venv "$work/venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
"$work/venv/bin/pip" install -q standardwebhooks==1.1.0 py-ocsf-models==0.10.0 aiosmtpd==1.4.6 cryptography
mkdir "$work/bin"
ln -s "$program" "$work/bin/greffier"
export PATH="$work/venv/bin:$work/bin:$PATH"
unset GREFFIER_TOKEN GREFFIER_LOG
cd "$work"

echo 'an authority of the receivers'
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj '/CN=receivers' 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=localhost' 2>/dev/null
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem \
  -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') 2>/dev/null
openssl genpkey -algorithm ed25519 -out ed25519.key
openssl pkey -in ed25519.key -pubout -out ed25519.pub
umask 077
echo "whsec_$(openssl rand -base64 32)" > whsec
# The seed is the last 32 bytes of the key (RFC 8410).
echo "whsk_$(openssl pkey -in ed25519.key -outform DER | tail -c 32 | base64)" > whsk
umask 022

echo 'receivers that are not ours'
mail_port=$(free_port) syslog_port=$(free_port)
mkfifo hold said
python3 "$outside/receivers.py" . "$mail_port" < hold > said &
pids+=($!)
exec 8> hold
read -r hook_port < said
cat > rsyslog.conf <<CONF
global(workDirectory="$work"
  defaultNetstreamDriverCAFile="$work/ca.pem"
  defaultNetstreamDriverCertFile="$work/server.pem"
  defaultNetstreamDriverKeyFile="$work/server.key")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon" MaxSessions="10")
input(type="imtcp" port="$syslog_port" address="127.0.0.1" supportOctetCountedFraming="on")
template(name="all" type="string" string="%syslogfacility-text%.%syslogseverity-text% %app-name% %msgid% %structured-data% %msg%\n")
action(type="omfile" file="$work/syslog" template="all")
CONF
/usr/sbin/rsyslogd -n -f rsyslog.conf -i "$work/rsyslog.pid" 2> rsyslog.log &
pids+=($!)

echo 'a gateway'
greffier init --dev here --persons 2000 --listen 127.0.0.1:0 > made
mkfifo listening
greffier serve --config here/config.toml > listening 2> log &
pids+=($!)
read -r _ _ address < listening || { cat log >&2; fail 'the gateway does not run'; }

cat > deliver.toml <<CONF
state = "state"
ledger_key = "here/key.vkey"
[gateway]
address = "$address"
server_name = "localhost"
ca = "here/pki/ca.pem"
certificate = "here/pki/clients/security-soc.pem"
key = "here/pki/clients/security-soc.key"
[receiver.lines]
kind = "file"
path = "lines.jsonl"
[receiver.findings]
kind = "file"
form = "ocsf"
path = "findings.jsonl"
[receiver.siem]
kind = "syslog"
address = "localhost:$syslog_port"
ca = "ca.pem"
[receiver.duty]
kind = "webhook"
url = "https://localhost:$hook_port/hook"
ca = "ca.pem"
secret = "whsec"
signing_key = "whsk"
[receiver.mail]
kind = "mail"
address = "localhost:$mail_port"
ca = "ca.pem"
from = "greffier@agency.example"
to = ["duty@agency.example"]
CONF
greffier deliver --check
echo 'something to tell'
# More than there may be: withheld, with an alert.
code=0
greffier read --instance here --address "$address" --as provider-02 list --page-size 500 > told 2>&1 || code=$?
[ "$code" = 1 ] || { cat told >&2; fail 'a page of 500 was given'; }
greffier suspend provider-03 --instance here --address "$address" --reason 'an exercise' > told
entry=$(sqlite3 -readonly here/ledger.sqlite 'SELECT max(seq) FROM entries')

echo 'each has it'
greffier deliver 2> deliver.log &
delivering=$!
pids+=("$delivering")
until_said lines.jsonl "\"entry\":$entry,"
until_said syslog "audit.info greffier act \[greffier@32473 .*entry=\"$entry\"\]"
until_said syslog '"rule":"agent_'
until_said hook.jsonl "\"entry\": $entry,"
until_said findings.jsonl '"class_uid":2004'
until_said mails "act $entry, provider-03: suspend"
! grep -q -- "$(grep -o '"agent":"[^"]*"' lines.jsonl | head -1 | cut -d'"' -f4)" mails \
  || fail 'a mail has the tag of an agent in it'
python3 - <<'PY'
import json
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
lines = open("findings.jsonl").read().splitlines()
for line in lines:
    found = json.loads(line)
    DetectionFinding.model_validate(found)
    # The models let unknown names pass.
    unknown = set(found) - set(DetectionFinding.model_fields)
    assert not unknown, unknown
print(f"{len(lines)} findings are as OCSF has them")
PY
kill "$delivering"
wait "$delivering" || { cat deliver.log >&2; fail 'the delivery did not end well'; }
greffier deliver --status
greffier deliver --status --json | grep -q '"waiting":0' || fail 'something waits'
