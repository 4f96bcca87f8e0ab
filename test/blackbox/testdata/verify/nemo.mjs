// Nemo Router's document, "Node.js verification", without its types.
import crypto from "node:crypto";
import fs from "node:fs";

export function verifyNemoSignature(rawBody, signatureHeader, secret) {
if (!signatureHeader?.startsWith("sha256=")) return false;
const expected = crypto
.createHmac("sha256", secret)
.update(rawBody)
.digest("hex");
const provided = signatureHeader.slice(7);
// constant-time compare to avoid timing attacks
return crypto.timingSafeEqual(
Buffer.from(expected, "hex"),
Buffer.from(provided, "hex"),
);
}

const [signature, secret] = process.argv.slice(2);
console.log(verifyNemoSignature(fs.readFileSync(0, "utf8"), signature, secret));
