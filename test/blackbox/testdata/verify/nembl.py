# Nembl's document, "Computing the Signature", Python: a receiver computes it and compares.
import hmac
import hashlib
import sys
given, secret = sys.argv[1], sys.argv[2].encode()
body = sys.stdin.buffer.read()
signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
print(str(given == f"sha256={signature}").lower())
