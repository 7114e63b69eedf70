"""What of examples/python/read.py a gateway that works never makes it do.

usage: clients.py RECEIPT VKEY VECTORS
"""

import base64
import pathlib
import sys

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

import read

receipt, vkey, vectors = sys.argv[1:]
receipt, vkey = pathlib.Path(receipt).read_text(), pathlib.Path(vkey).read_text()
vectors = pathlib.Path(vectors)


def refuses(receipt, key):
    try:
        read.check_receipt(receipt, key)
    except ValueError:
        return
    raise AssertionError("a false receipt passed: " + receipt)


# A receipt that another program made holds, too.
entry, signed = read.check_receipt(receipt, vkey)
assert signed and entry["kind"] == "read"
their_key = (vectors / "vkey.txt").read_text()
note = (vectors / "checkpoint.txt").read_text()
assert read.check_signature(note, note.split("\n")[0], their_key)
# The same key, under the name of the ledger of that receipt.
key = "registry.example/reads" + their_key[their_key.index("+") :]
entry, signed = read.check_receipt((vectors / "read.receipt").read_text(), key)
assert signed and entry["kind"] == "read"
refuses(receipt, their_key)

# None of it can be altered: not one letter of any line, and no line can go.
lines = receipt.split("\n")
for at, line in enumerate(lines):
    for altered in ([line[:-1] + ("A" if line[-1:] != "A" else "B")] if line else []), []:
        refuses("\n".join(lines[:at] + altered + lines[at + 1 :]), vkey)
body = base64.b64decode(lines[1][6:]).replace(b'"rows":1', b'"rows":2')
refuses(receipt.replace(lines[1], "extra " + base64.b64encode(body).decode()), vkey)


# The tree itself, against its definition (RFC 6962, section 2.1).
def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return read.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:]))


def path(at, leaves):
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if at < half:
        return path(at, leaves[:half]) + [root(leaves[half:])]
    return path(at - half, leaves[half:]) + [root(leaves[:half])]


for size in range(1, 40):
    leaves = [read.sha256(bytes([0, n])) for n in range(size)]
    for at, leaf in enumerate(leaves):
        assert read.root_of_inclusion(at, size, leaf, path(at, leaves)) == root(leaves)


# What is tried again, and what is not.
class Error(grpc.RpcError):
    def __init__(self, code, reason, wait):
        self.answer, status = code, status_pb2.Status()
        details = [error_details_pb2.ErrorInfo(reason=reason, domain="greffier")]
        if wait is not None:
            delay = duration_pb2.Duration(nanos=int(wait * 1e9) % 10**9, seconds=int(wait))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        self.trailers = (("grpc-status-details-bin", status.SerializeToString()),)

    def code(self):
        return self.answer

    def details(self):
        return "no"

    def trailing_metadata(self):
        return self.trailers


def tries(code, reason, wait):
    """How often a call is made that is always refused like this."""
    made = []

    def method(request, timeout, metadata):
        assert (timeout, metadata) == (read.DEADLINE, (("authorization", "Bearer t"),))
        made.append(request)
        raise Error(code, reason, wait)

    try:
        read.call(method, "request", "t")
    except read.Refused as refused:
        assert (refused.code, refused.reason, refused.wait) == (code, reason, wait)
    return len(made)


Code = grpc.StatusCode
assert tries(Code.UNAVAILABLE, "LEDGER_UNAVAILABLE", 0.01) == read.TRIES
assert tries(Code.RESOURCE_EXHAUSTED, "RATE_LIMITED", 0.01) == read.TRIES
assert tries(Code.RESOURCE_EXHAUSTED, "BUDGET_EXHAUSTED", None) == 1
assert tries(Code.RESOURCE_EXHAUSTED, "BUDGET_EXHAUSTED", 3600.0) == 1
assert tries(Code.PERMISSION_DENIED, "ACCESS_CONTAINED", 0.01) == 1
assert tries(Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", 0.01) == 1
