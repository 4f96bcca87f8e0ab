// The verification functions that the four documents print (Nemo Router's without its type annotations) and, if
// PEAL_NPM_DIR has it, the package standardwebhooks, behind a loop that answers a line of JSON with true or false.
import crypto from "node:crypto";
import { createRequire } from "node:module";
import readline from "node:readline";

const receivers = {};

{
  function verifyNemoSignature(rawBody, signatureHeader, secret) {
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
  receivers["nemo"] = verifyNemoSignature;
}

{
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
  receivers["curate-me"] = verifyWebhook;
}

receivers["nembl"] = (body, sent, secret) => {
  const signature = crypto
    .createHmac('sha256', secret)
    .update(body)
    .digest('hex');
  return sent === `sha256=${signature}`;
};

{
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
  receivers["nolxy"] = verifyWebhook;
}

if (process.env.PEAL_NPM_DIR) {
  const { Webhook } = createRequire(process.env.PEAL_NPM_DIR + "/")("standardwebhooks");
  receivers["standard"] = (body, signature, secret, headers) => {
    new Webhook(secret).verify(body, headers);
    return true;
  };
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const r = JSON.parse(line);
  let ok = false;
  try {
    ok = receivers[r.profile](Buffer.from(r.body, "base64").toString(), r.headers[r.signature], r.secret, r.headers);
  } catch {
    ok = false;
  }
  console.log(JSON.stringify(ok));
}
