// Nolxy's document, "Verifying the Webhook Signature".
import crypto from 'crypto';
import fs from 'fs';

function verifyWebhook(rawPayload, signature, webhookSecret) {
  const expected = crypto
    .createHmac('sha256', webhookSecret)
    .update(rawPayload)
    .digest('hex');
    
  return crypto.timingSafeEqual(
    Buffer.from(signature),
    Buffer.from(expected)
  );
}

const [signature, secret] = process.argv.slice(2);
console.log(verifyWebhook(fs.readFileSync(0, 'utf8'), signature, secret));
