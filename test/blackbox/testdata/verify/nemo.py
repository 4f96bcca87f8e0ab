# Nemo Router's document, "Python verification", and its word on the signed bytes.
import hmac
import hashlib
def verify_nemo_signature(raw_body: bytes, signature_header: str, secret: str) -> bool:
    if not signature_header.startswith("sha256="):
        return False
    expected = hmac.new(secret.encode(), raw_body, hashlib.sha256).hexdigest()
    provided = signature_header[7:]
    return hmac.compare_digest(expected, provided)

import json, sys
body = sys.stdin.buffer.read()
ok = verify_nemo_signature(body, sys.argv[1], sys.argv[2])
if ok:
    payload = json.loads(body)
    canonical = json.dumps(payload, separators=(",", ":"), sort_keys=True)
    ok = canonical.encode() == body
print(str(ok).lower())
