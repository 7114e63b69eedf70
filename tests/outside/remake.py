"""Makes the vectors of bodies again: what stands in them is numbered, linked and signed anew.

usage: remake.py [ORIGIN] (in docs/vectors; without an origin, that of the genesis stays)

Of bodies.jsonl follow bodies.leaves and read.receipt, of their leaves the links in bad-acts.jsonl and
bad-bodies.jsonl, and of the origin every signature. One that was false stays false in the same way: it
is over the same other statement as before, or over none.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

CONTEXT = b"greffier act v1\n"
# The statement that the altered acts are altered from.
BASE = {"deed": "suspend", "provider": "alpha-langues", "reason": "a reason",
        "nonce": "yMjIyMjIyMjIyMjIyMjIyA", "expires": 1793926800000}
ABOUT = ["provider", "agent", "admin", "key", "dataset", "persons", "digest", "job", "declared"]
# Another ledger, though its name begins like that of this one.
ELSEWHERE = "registry.example/reads/2026-12"
# Entries under the receipt of entry 6.
RECEIPT = 6, 32


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf(body):
    return sha256(b"\x00" + body.encode())


def node(left, right):
    return sha256(b"\x01" + left + right)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def pair(byte):
    private = Ed25519PrivateKey.from_private_bytes(bytes([byte]) * 32)
    return base64.b64encode(private.public_key().public_bytes_raw()).decode(), private


KEYS = dict(map(pair, range(256)))


def split(size):
    return 1 << (size - 1).bit_length() - 1


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    at = split(len(leaves))
    return node(root(leaves[:at]), root(leaves[at:]))


def path(index, leaves):
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    if index < at:
        return path(index, leaves[:at]) + [root(leaves[at:])]
    return path(index - at, leaves[at:]) + [root(leaves[:at])]


def statement(origin, said):
    about = {key: said[key] for key in ABOUT if key in said}
    rest = {key: said[key] for key in ["reason", "nonce", "expires"]}
    return compact({"origin": origin, "deed": said["deed"], **about, **rest}).encode()


def over(origin, act):
    """All that a signature in the vectors may be over."""
    for said in act, BASE:
        yield CONTEXT + statement(origin, said)
        yield statement(origin, said)
        yield CONTEXT + statement(ELSEWHERE, said)


def signed_anew(was, origin, act):
    """The act with the signatures that it would have in the ledger `origin`."""
    for signature in act.get("signatures", []):
        before, after = over(was, act), over(origin, act)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["key"]))
        for old, new in zip(before, after):
            try:
                key.verify(base64.b64decode(signature["signature"]), old)
            except InvalidSignature:
                continue
            signature["signature"] = base64.b64encode(KEYS[signature["key"]].sign(new)).decode()
            break
        else:
            raise SystemExit(f"a signature is over nothing known: {act}")
    return act


def note(origin, leaves):
    text = f"{origin}\n{len(leaves)}\n{base64.b64encode(root(leaves)).decode()}\n"
    public, private = pair(1)
    key_id = sha256(origin.encode() + b"\n\x01" + base64.b64decode(public))[:4]
    signature = base64.b64encode(key_id + private.sign(text.encode())).decode()
    return f"{text}\n\u2014 {origin} {signature}\n"


def main():
    lines = Path("bodies.jsonl").read_text().splitlines()
    was = json.loads(lines[0])["origin"]
    origin = sys.argv[1] if len(sys.argv) > 1 else was
    bodies, leaves, links = [], [], {}
    for line in lines:
        entry = json.loads(line)
        if entry["kind"] == "genesis":
            entry["origin"] = origin
        if entry["kind"] == "act":
            signed_anew(was, origin, entry)
        # By what each follows: a line may have been edited, and is then of another leaf than before.
        prev = leaves[-1].hex() if leaves else "0" * 64
        links[entry["prev"]], entry["prev"] = prev, prev
        bodies.append(compact(entry))
        leaves.append(leaf(bodies[-1]))
    Path("bodies.jsonl").write_text("".join(body + "\n" for body in bodies))
    Path("bodies.leaves").write_text("".join(of.hex() + "\n" for of in leaves))

    acts = []
    for line in Path("bad-acts.jsonl").read_text().splitlines():
        bad = json.loads(line)
        act = signed_anew(was, origin, json.loads(bad["body"]))
        act["prev"] = links[act["prev"]]
        acts.append(json.dumps({**bad, "body": compact(act)}))
    Path("bad-acts.jsonl").write_text("".join(act + "\n" for act in acts))

    bad = Path("bad-bodies.jsonl").read_text()
    for old, new in links.items():
        bad = bad.replace(old, new)
    Path("bad-bodies.jsonl").write_text(bad)

    index, size = RECEIPT
    proof = [base64.b64encode(of).decode() for of in path(index, leaves[:size])]
    extra = base64.b64encode(bodies[index].encode()).decode()
    head = ["c2sp.org/tlog-proof@v1", f"extra {extra}", f"index {index}", *proof, "", ""]
    Path("read.receipt").write_text("\n".join(head) + note(origin, leaves[:size]))


main()
