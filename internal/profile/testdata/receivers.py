# The verification functions that the documents of Nemo Router and Curate-Me print, and Nembl's computation,
# behind a loop that answers a line of JSON with true or false.
import base64, hashlib, hmac, json, sys


def verify_nemo_signature(raw_body: bytes, signature_header: str, secret: str) -> bool:
    if not signature_header.startswith("sha256="):
        return False
    expected = hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    provided = signature_header[7:]
    return hmac.compare_digest(expected, provided)


def verify_webhook(payload: bytes, signature: str, secret: str) -> bool:
    expected = hmac.new(
        secret.encode("utf-8"),
        payload,
        hashlib.sha256,
    ).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)


def nembl(body, sent, secret):
    secret = secret.encode()
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return sent == f"sha256={signature}"


def nemo(body, signature, secret):
    # The document also says to compute over this serialization.
    canonical = json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True).encode()
    return canonical == body and verify_nemo_signature(body, signature, secret)


receivers = {"nemo": nemo, "curate-me": verify_webhook, "nembl": nembl}

for line in sys.stdin:
    r = json.loads(line)
    try:
        ok = receivers[r["profile"]](base64.b64decode(r["body"]), r["headers"][r["signature"]], r["secret"])
    except ValueError:
        ok = False
    print(json.dumps(ok), flush=True)
