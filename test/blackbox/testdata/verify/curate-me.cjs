// Curate-Me's document, "Signature Verification", JavaScript.
const crypto = require('crypto');
function verifyWebhook(payload, signature, secret) {
const expected = crypto
.createHmac('sha256', secret)
.update(payload, 'utf8')
.digest('hex');
const expectedSignature = `sha256=${expected}`;
return crypto.timingSafeEqual(
Buffer.from(expectedSignature),
Buffer.from(signature)
);
}

const [signature, secret] = process.argv.slice(2);
console.log(verifyWebhook(require('fs').readFileSync(0), signature, secret));
