// Nembl's document, "Computing the Signature", JavaScript: a receiver computes it and compares.
const crypto = require('crypto');
const [given, secret] = process.argv.slice(2);
const body = require('fs').readFileSync(0, 'utf8');
const signature = crypto
  .createHmac('sha256', secret)
  .update(body)
  .digest('hex');
console.log(given === `sha256=${signature}`);
