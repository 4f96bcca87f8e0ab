# Curate-Me's document, "Signature Verification", Python.
import hmac
import hashlib
def verify_webhook(payload: bytes, signature: str, secret: str) -> bool:
    expected = hmac.new(
        secret.encode("utf-8"),
        payload,
        hashlib.sha256,
    ).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)

import sys
print(str(verify_webhook(sys.stdin.buffer.read(), sys.argv[1], sys.argv[2])).lower())
