"""Receivers that are not ours: a webhook that the published library of Standard Webhooks checks, and a mail server.

usage: receivers.py FOLDER

In FOLDER lie server.pem, server.key, whsec and ed25519.pub (PEM). Prints the two ports, writes each good event to
FOLDER/hook.jsonl and each mail to FOLDER/mails, and ends with its standard input.
"""

import base64
import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from standardwebhooks import Webhook

FOLDER = Path(sys.argv[1])
LOCK = threading.Lock()
SECRET = (FOLDER / "whsec").read_text().strip()
KEY = load_pem_public_key((FOLDER / "ed25519.pub").read_bytes())


def keep(name, text):
    with LOCK, open(FOLDER / name, "a", encoding="utf-8") as file:
        file.write(text)


class Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        # Raises unless the signature is good and the time near.
        Webhook(SECRET).verify(body, headers)
        own = [part for part in headers["webhook-signature"].split() if part.startswith("v1a,")]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        KEY.verify(base64.b64decode(own[0][4:]), signed)
        keep("hook.jsonl", json.dumps(json.loads(body)) + "\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


class Mails:
    async def handle_DATA(self, _server, _session, envelope):
        keep("mails", envelope.content.decode() + "\n")
        return "250 kept"


def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(FOLDER / "server.pem", FOLDER / "server.key")
    hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    hook.socket = tls.wrap_socket(hook.socket, server_side=True)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    mails = Controller(Mails(), hostname="127.0.0.1", port=int(sys.argv[2]), ssl_context=tls)
    mails.start()
    print(hook.server_port, flush=True)
    sys.stdin.read()


main()
