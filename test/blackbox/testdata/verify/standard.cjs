// The npm package standardwebhooks, as its users call it.
const { Webhook } = require('standardwebhooks');
const [signature, secret, id, timestamp] = process.argv.slice(2);
try {
  new Webhook(secret).verify(require('fs').readFileSync(0, 'utf8'), {
    'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature,
  });
  console.log(true);
} catch (err) {
  if (err.constructor.name !== 'WebhookVerificationError') throw err;
  console.log(false);
}
