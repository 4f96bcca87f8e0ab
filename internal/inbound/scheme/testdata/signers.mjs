// Signs what it is asked to, one JSON object a line, with the libraries of GitHub and of Standard Webhooks in
// PEAL_NPM_DIR and with the code that Nembl's documentation prints, and answers with the headers.
import crypto from "node:crypto";
import readline from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const dir = process.env.PEAL_NPM_DIR;
const { Webhook } = createRequire(dir + "/")("standardwebhooks");
const { sign } = await import(pathToFileURL(join(dir, "node_modules/@octokit/webhooks-methods/dist-node/index.js")));

const signers = {
  github: async (secret, body) => ({ "X-Hub-Signature-256": await sign(secret, body) }),
  standard: (secret, body, seconds) => ({
    "Webhook-Id": "msg_1", "Webhook-Timestamp": `${seconds}`,
    "Webhook-Signature": new Webhook(secret).sign("msg_1", new Date(seconds * 1000), body),
  }),
  peal: (secret, body) => {
    const signature = crypto
      .createHmac('sha256', secret)
      .update(body)
      .digest('hex');
    return { "X-Webhook-Signature": `sha256=${signature}` };
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const q = JSON.parse(line);
  console.log(JSON.stringify(await signers[q.scheme](q.secret, q.body, q.seconds)));
}
