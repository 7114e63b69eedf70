#!/usr/bin/env python3
"""Reads records through greffier as a provider does, and checks the proof of what it was given.

    python3 -m pip install -r requirements.txt
    python3 -m grpc_tools.protoc -I ../../proto --python_out=. --grpc_python_out=. \\
        ../../proto/greffier/v1/*.proto
    GREFFIER_TOKEN=... python3 read.py --address HOST:PORT --ca ca.pem \\
        --certificate provider.pem --key provider.key --vkey key.vkey

It lists the caller's roster page by page, gets one record, has the receipt of that read given, and
checks it offline: the entry is in the ledger, and says what the gateway really sent.

Exit codes: 0 read and proven, 1 refused or not proven, 2 not reached.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
import time
import uuid

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from greffier.v1 import ledger_pb2, ledger_pb2_grpc, records_pb2, records_pb2_grpc

DEADLINE = 10  # seconds, of each call
TRIES = 4


# The channel.


def file(path):
    with open(path, "rb") as opened:
        return opened.read()


def open_channel(args):
    """TLS 1.3 on both sides; whose certificate it is, is in its URI SAN."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=file(args.ca),
        private_key=file(args.key),
        certificate_chain=file(args.certificate),
    )
    # Retries are ours: a channel's own would not know RetryInfo.
    return grpc.secure_channel(args.address, credentials, [("grpc.enable_retries", 0)])


# Refusals.


class Refused(Exception):
    """What the gateway said: the stable reason to act by, what comes with it, when to come."""

    def __init__(self, error):
        super().__init__(error.details())
        self.code, self.reason, self.metadata, self.wait = error.code(), "", {}, None
        self.fields = []
        trailers = dict(error.trailing_metadata() or ())
        status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
        for detail in status.details:
            self.take(detail)

    def take(self, detail: any_pb2.Any):
        info = error_details_pb2.ErrorInfo()
        retry = error_details_pb2.RetryInfo()
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(info) and info.domain == "greffier":
            self.reason, self.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(retry):
            self.wait = retry.retry_delay.ToTimedelta().total_seconds()
        elif detail.Unpack(bad):
            self.fields = [(one.field, one.description) for one in bad.field_violations]


# What a person can do about it; the README has all reasons.
ADVICE = {
    "TOKEN_REJECTED": "get a new token",
    "STEP_UP_REQUIRED": "log in again, with a second factor",
    "CERTIFICATE_REJECTED": "ask the agency",
    "PURPOSE_NOT_ALLOWED": "ask for another purpose or view",
    "ACCESS_CONTAINED": "call the agency's security team",
    "BUDGET_EXHAUSTED": "ask for fewer persons, or wait",
    "REQUEST_MALFORMED": "mend the fields that are named",
}


def call(method, request, token):
    """One call. UNAVAILABLE, and RESOURCE_EXHAUSTED that says when, are tried again: nothing was
    released. Nothing else is: the answer would be the same, and refusals are counted. The request
    keeps its request_id, so the ledger shows that a read which did go through was the same one."""
    again = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
    header = (("authorization", f"Bearer {token}"),)
    for left in reversed(range(TRIES)):
        try:
            return method(request, timeout=DEADLINE, metadata=header)
        except grpc.RpcError as error:
            refused = Refused(error)
        wait = refused.wait
        if wait is None and refused.code == grpc.StatusCode.UNAVAILABLE:
            wait = 0.5 * (TRIES - left)
        # A budget may ask for hours: that is for a person to decide.
        if not left or refused.code not in again or wait is None or wait > DEADLINE:
            raise refused
        time.sleep(wait)


# Reading.


def context(args):
    """Why, and for which case: it becomes part of the entry. Each read has an id of its own."""
    return records_pb2.Context(
        purpose=args.purpose,
        case_reference=args.case,
        view=records_pb2.VIEW_BASIC,
        request_id=str(uuid.uuid4()),
    )


def pages(records, args, token):
    """Pages of the roster. A budget holds page_size, whatever is found: ask for what is needed."""
    page_token = ""
    for _ in range(args.pages):
        request = records_pb2.ListRecordsRequest(
            parent=f"datasets/{args.dataset}",
            context=context(args),
            page_size=args.page_size,
            page_token=page_token,
        )
        page = call(records.ListRecords, request, token)
        yield page
        page_token = page.next_page_token
        if not page_token:
            return


# The proof (docs/ledger-format.md).


def sha256(data):
    return hashlib.sha256(data).digest()


def reply_digest(salt, rows):
    """SHA-256 over the salt and the rows, each string behind its length."""

    def text(string):
        data = string.encode()
        return len(data).to_bytes(4, "big") + data

    whole = bytearray(salt)
    for row in rows:
        whole += len(row.fields).to_bytes(4, "big") + text(row.name)
        for field in row.fields:
            whole += text(field.name) + text(field.value)
    return sha256(whole).hex()


class NotProven(ValueError):
    """As is whatever cannot be read: base64, numbers and JSON say so by a ValueError."""


def root_of_inclusion(index, size, leaf, path):
    """RFC 9162, section 2.1.3.2: the root that a path leads to."""
    if index >= size:
        raise NotProven("the checkpoint does not cover the entry")
    node, last, root = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise NotProven("the path is too long")
        if node & 1 or node == last:
            root = sha256(b"\x01" + step + root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = sha256(b"\x01" + root + step)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise NotProven("the path is too short")
    return root


def check_signature(note, origin, vkey):
    """A C2SP signed note against `NAME+hex8+base64(0x01, key)`. False: nothing can check it."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return False
    name, _, key = vkey.strip().split("+", 2)
    algorithm_and_key = base64.b64decode(key, validate=True)
    if origin != name:
        raise NotProven(f"the checkpoint is of {origin}, not of {name}")
    key_id = sha256(origin.encode() + b"\n" + algorithm_and_key)[:4]
    text, _, signatures = note.rpartition("\n\n")
    for line in signatures.split("\n")[:-1]:
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if (dash, signer, signature[:4]) == ("\u2014", origin, key_id):
            try:
                public = Ed25519PublicKey.from_public_bytes(algorithm_and_key[1:])
                public.verify(signature[4:], (text + "\n").encode())
                return True
            except InvalidSignature:
                raise NotProven("the signature of the checkpoint is false") from None
    raise NotProven("the checkpoint is not signed by this key")


def check_receipt(receipt, vkey):
    """The entry that a receipt (C2SP tlog-proof) proves, and whether the signature was checked."""
    proof, _, note = receipt.partition("\n\n")
    first, extra, index, *path = proof.split("\n")
    if first != "c2sp.org/tlog-proof@v1" or extra[:6] != "extra " or index[:6] != "index ":
        raise NotProven("this is no receipt")
    body = base64.b64decode(extra[6:], validate=True)
    path = [base64.b64decode(line, validate=True) for line in path]
    origin, size, root = note.rpartition("\n\n")[0].split("\n")
    root = base64.b64decode(root, validate=True)
    if root_of_inclusion(int(index[6:]), int(size), sha256(b"\x00" + body), path) != root:
        raise NotProven("the entry is not in the ledger of this checkpoint")
    entry = json.loads(body)
    if entry["seq"] != int(index[6:]):
        raise NotProven("the entry says another number")
    return entry, check_signature(note, origin, vkey)


# All together.


def run(args, token):
    with open(args.vkey, encoding="utf-8") as opened:
        vkey = opened.read()
    with open_channel(args) as channel:
        records = records_pb2_grpc.RecordsStub(channel)
        ledger = ledger_pb2_grpc.LedgerStub(channel)
        name = args.name
        for page in [] if name else pages(records, args, token):
            print(f"page: {len(page.records)} records, entry {page.proof.entry}")
            name = name or (page.records[0].name if page.records else None)
        if not name:
            print("the roster is empty")
            return
        request = records_pb2.GetRecordRequest(name=name, context=context(args))
        got = call(records.GetRecord, request, token)
        print(f"record: {len(got.record.fields)} fields, entry {got.proof.entry}")
        # Keep the checkpoint of every reply: it binds the ledger's past.
        request = ledger_pb2.GetReceiptRequest(entry=got.proof.entry)
        receipt = call(ledger.GetReceipt, request, token).receipt
    if args.receipt:
        with open(args.receipt, "w", encoding="utf-8", newline="\n") as kept:
            kept.write(receipt)
    # From here on nothing is asked of the gateway.
    entry, signed = check_receipt(receipt, vkey)
    if entry["seq"] != got.proof.entry:
        raise NotProven("the receipt is of another entry")
    if entry.get("reply") != reply_digest(got.proof.salt, [got.record]):
        raise NotProven("the entry is of another reply than the one that came")
    if not signed:
        raise NotProven("the signature is NOT CHECKED: install `cryptography`; all else holds")
    print(f"PROVEN: entry {entry['seq']} lists this reply, to {entry['provider']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", required=True, help="host and port of the gateway")
    parser.add_argument("--ca", required=True, help="the authority of the gateway's certificate")
    parser.add_argument("--certificate", required=True, help="the provider's certificate")
    parser.add_argument("--key", required=True, help="... and its key")
    parser.add_argument("--vkey", required=True, help="the ledger's public key, a file")
    parser.add_argument("--dataset", default="cir")
    parser.add_argument("--purpose", default="course_delivery")
    parser.add_argument("--case", default="TEST-1", help="your own reference of the case")
    parser.add_argument("--page-size", type=int, default=5)
    parser.add_argument("--pages", type=int, default=2, help="at most so many")
    parser.add_argument("--name", help="get this record, and list none")
    parser.add_argument("--receipt", help="keep the receipt here")
    args = parser.parse_args()
    try:
        run(args, os.environ.get("GREFFIER_TOKEN", ""))
    except Refused as refused:
        if not refused.reason:
            # It is not the gateway that spoke.
            print(f"not reached: {refused.code.name}: {refused}", file=sys.stderr)
            return 2
        print(f"{refused.reason}: {refused}", file=sys.stderr)
        for field, description in refused.fields:
            print(f"  {field}: {description}", file=sys.stderr)
        print(f"  {ADVICE.get(refused.reason, 'see the README')}", file=sys.stderr)
        return 1
    except ValueError as why:
        print(f"NOT PROVEN: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
