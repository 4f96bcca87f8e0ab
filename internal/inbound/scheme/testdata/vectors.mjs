// Writes vectors.json: for each scheme requests that a provider's own library signed, that its library accepts, or
// that its documentation prints. Run once, with these packages, and again only to add to it:
//
//   npm install standardwebhooks@1.1.1 svix@1.99.1 @octokit/webhooks-methods@6.0.0 stripe@23.1.0 twilio@6.2.0 \
//     @sendgrid/eventwebhook@8.0.0 @paddle/paddle-node-sdk@3.10.0 @linear/sdk@98.0.0 discord-interactions@4.4.0 \
//     sns-validator@0.3.5 @slack/bolt@5.1.0 @shopify/shopify-api@13.1.0
//   NODE_PATH_DIR=that/directory node vectors.mjs > vectors.json
//
// Keys of its own are made anew each time. Where a library only verifies, the request is signed here and must pass it,
// with the clock set to the request's time; "origin" says which of the ways it was.
import crypto from "node:crypto";
import https from "node:https";
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(process.env.NODE_PATH_DIR + "/");
const vectors = [];
const at = 1800000000; // 2027-01-15T08:00:00Z

const RealDate = Date;

// set puts the clock of this process to a time in seconds.
function set(seconds) {
  globalThis.Date = class extends RealDate {
    constructor(...args) { args.length ? super(...args) : super(seconds * 1000); }
    static now() { return seconds * 1000; }
  };
}
function assert(ok, what) { if (!ok) throw new Error("refused: " + what); }
function add(name, scheme, origin, v) {
  vectors.push({ name, scheme, origin, now: new RealDate((v.at ?? at) * 1000).toISOString(), ...v, at: undefined });
}
const hmac = (hash, key, text, encoding) => crypto.createHmac(hash, key).update(text).digest(encoding);
const json = { "content-type": "application/json" };
const form = { "content-type": "application/x-www-form-urlencoded" };
set(at);

// --- Peal, Nembl: the document's own Node code
{
  const secret = "whsec_your_signing_secret";
  const body = JSON.stringify({ event: "deployment.completed", environment: "production", version: "v2.1.0", status: "success" });
  const signature = crypto.createHmac("sha256", secret).update(body).digest("hex");
  add("document", "peal", "the code that Nembl's webhook documentation prints, run by node:crypto", {
    secrets: [secret], headers: { ...json, "x-webhook-signature": "sha256=" + signature }, body, want: { event: "deployment.completed" },
  });
  add("with an id", "peal", "node:crypto", {
    secrets: [secret], headers: { ...json, "x-webhook-signature": "sha256=" + signature, "idempotency-key": "deploy-1138" }, body,
    want: { event: "deployment.completed", delivery_id: "deploy-1138" },
  });
}

// --- Standard Webhooks, Svix
{
  const { Webhook } = require("standardwebhooks");
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = '{"type":"contact.created","timestamp":"2027-01-15T08:00:00Z","data":{"id":"1f81eb52"}}';
  const other = new Webhook("whsec_" + Buffer.alloc(32, 7).toString("base64")).sign("msg_1", new Date(at * 1000), body);
  const signature = new Webhook(secret).sign("msg_1", new Date(at * 1000), body);
  add("library", "standard", "npm standardwebhooks 1.1.1, Webhook.sign", {
    secrets: [secret], headers: { ...json, "webhook-id": "msg_1", "webhook-timestamp": `${at}`, "webhook-signature": signature }, body,
    want: { event: "contact.created", delivery_id: "msg_1" },
  });
  add("several signatures", "standard", "npm standardwebhooks 1.1.1, Webhook.sign", {
    secrets: [secret], headers: { ...json, "webhook-id": "msg_1", "webhook-timestamp": `${at}`, "webhook-signature": `v1a,AAAA ${other} ${signature}` }, body,
    want: { event: "contact.created", delivery_id: "msg_1" },
  });
  const svix = require("svix").Webhook;
  const id = "msg_p5jXN8AQM9LWM0D4loKWxJek", old = 1614265330, oldBody = '{"test": 2432232314}';
  const signed = new svix(secret).sign(id, new Date(old * 1000), oldBody);
  assert(signed === "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "the documented signature of Svix");
  add("document", "svix", "Svix's documentation of manual verification; npm svix 1.99.1 signs the same", {
    at: old, secrets: [secret], headers: { ...json, "svix-id": id, "svix-timestamp": `${old}`, "svix-signature": signed }, body: oldBody,
    want: { delivery_id: id },
  });
}

// --- GitHub
{
  const { sign } = await import(join(process.env.NODE_PATH_DIR, "node_modules/@octokit/webhooks-methods/dist-node/index.js"));
  const secret = "It's a Secret to Everybody";
  assert(await sign(secret, "Hello, World!") === "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", "GitHub's documented signature");
  add("document", "github", "GitHub's documentation of validating deliveries; npm @octokit/webhooks-methods 6.0.0 signs the same", {
    secrets: [secret], headers: { "x-hub-signature-256": await sign(secret, "Hello, World!") }, body: "Hello, World!", want: {},
  });
  const body = '{"zen":"Ünïcode is signed as UTF-8.","ref":"refs/heads/main","before":"0d1a26e6"}';
  add("library", "github", "npm @octokit/webhooks-methods 6.0.0, sign", {
    secrets: [secret], body, headers: { ...json, "x-github-event": "push", "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "x-hub-signature-256": await sign(secret, body) },
    want: { event: "push", delivery_id: "72d3162e-cc78-11e3-81ab-4c9367dc0958" },
  });
}

// --- GitLab, Gitea, Bitbucket
add("document", "gitlab", "GitLab's documentation of webhooks: the token stands in the header", {
  secrets: ["a-secret-token"], body: '{"object_kind":"push","ref":"refs/heads/main"}',
  headers: { ...json, "x-gitlab-token": "a-secret-token", "x-gitlab-event": "Push Hook", "x-gitlab-event-uuid": "13792a34-cac6-4fda-95a8-c58e00a3954e", "idempotency-key": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f" },
  want: { event: "Push Hook", delivery_id: "f5e5f430-f57b-4e6e-9fac-d9128cd7232f" },
});
{
  const body = '{"ref":"refs/heads/develop","repository":{"full_name":"gitea/webhooks"}}';
  add("document", "gitea", "Gitea's documentation of webhooks: hash_hmac('sha256', $payload, $secret), by node:crypto", {
    secrets: ["123"], body,
    headers: { ...json, "x-gitea-delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473", "x-gitea-event": "push", "x-gitea-signature": hmac("sha256", "123", body, "hex") },
    want: { event: "push", delivery_id: "f6266f16-1bf3-46a5-9ea4-602e06ead473" },
  });
  const secret = "It's a Secret to Everybody";
  const documented = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
  assert("sha256=" + hmac("sha256", secret, "Hello World!", "hex") === documented, "Bitbucket's documented signature");
  add("document", "bitbucket", "Bitbucket's documentation of securing webhooks; node:crypto signs the same", {
    secrets: [secret], headers: { "x-hub-signature": documented }, body: "Hello World!", want: {},
  });
  const push = '{"push":{"changes":[]},"repository":{"full_name":"acme/shop"}}';
  add("push", "bitbucket", "node:crypto, after Bitbucket's documentation of securing webhooks", {
    secrets: [secret], headers: { ...json, "x-event-key": "repo:push", "x-request-uuid": "ba3d4ba8-1c15-4e42-8d0c-4b3a0f4c9f5e", "x-hub-signature": "sha256=" + hmac("sha256", secret, push, "hex") }, body: push,
    want: { event: "repo:push", delivery_id: "ba3d4ba8-1c15-4e42-8d0c-4b3a0f4c9f5e" },
  });
}

// --- Stripe
{
  const stripe = require("stripe");
  const Stripe = stripe.Stripe ?? stripe;
  const secret = "whsec_test_secret";
  const payload = JSON.stringify({ id: "evt_1OqXyZ", object: "event", type: "payment_intent.succeeded", data: { object: { amount: 2000 } } }, null, 2);
  const sign = (secret) => Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: at });
  add("library", "stripe", "npm stripe 23.1.0, webhooks.generateTestHeaderString", {
    secrets: [secret], headers: { ...json, "stripe-signature": sign(secret) }, body: payload, want: { event: "payment_intent.succeeded", delivery_id: "evt_1OqXyZ" },
  });
  const rolled = `${sign("whsec_new")},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39,${sign(secret).split(",")[1]}`;
  Stripe.webhooks.constructEvent(payload, rolled, secret, 300);
  add("rolled secret", "stripe", "npm stripe 23.1.0, webhooks.constructEvent accepts it", {
    secrets: [secret], headers: { ...json, "stripe-signature": rolled }, body: payload, want: { event: "payment_intent.succeeded", delivery_id: "evt_1OqXyZ" },
  });
}

// --- Shopify
{
  require("@shopify/shopify-api/adapters/node");
  const { shopifyApi, LogSeverity } = require("@shopify/shopify-api");
  const secret = "hush";
  const shopify = shopifyApi({ apiKey: "key", apiSecretKey: secret, apiVersion: "2026-01", hostName: "example.com", isEmbeddedApp: false, logger: { level: LogSeverity.Error } });
  const rawBody = '{"id":820982911946154508,"email":"jon@example.com","total_price":"403.00"}';
  const classic = {
    "x-shopify-hmac-sha256": hmac("sha256", secret, rawBody, "base64"), "x-shopify-topic": "orders/create", "x-shopify-shop-domain": "example.myshopify.com",
    "x-shopify-api-version": "2026-01", "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
  };
  const result = await shopify.webhooks.validate({ rawBody, rawRequest: { method: "POST", url: "/", headers: classic }, rawResponse: {} });
  assert(result.valid, "Shopify " + JSON.stringify(result));
  add("library", "shopify", "npm @shopify/shopify-api 13.1.0, webhooks.validate accepts it", {
    secrets: [secret], headers: { ...json, ...classic }, body: rawBody, want: { event: "orders/create", delivery_id: "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043" },
  });
}

// --- Slack
{
  const { verifySlackRequest } = require("@slack/bolt/dist/receivers/verify-request.js");
  const secret = "8f742231b10e8888abcd99yyyzzz85a5";
  const signed = (body, time) => {
    const headers = { "x-slack-request-timestamp": `${time}`, "x-slack-signature": "v0=" + hmac("sha256", secret, `v0:${time}:${body}`, "hex") };
    verifySlackRequest({ signingSecret: secret, body, headers: { ...headers, "x-slack-request-timestamp": time }, nowMilliseconds: time * 1000 });
    return headers;
  };
  const command = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
  assert(signed(command, 1531420618)["x-slack-signature"] === "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", "Slack's documented signature");
  add("document", "slack", "Slack's documentation of verifying requests; npm @slack/bolt 5.1.0 accepts it", {
    at: 1531420618, secrets: [secret], headers: { ...form, ...signed(command, 1531420618) }, body: command, want: {},
  });
  const event = '{"token":"XXYYZZ","team_id":"TXXXXXXXX","event":{"type":"app_mention","user":"U061F7AUR","text":"hi"},"type":"event_callback","event_id":"Ev08MFMKH6","event_time":1800000000}';
  add("event", "slack", "npm @slack/bolt 5.1.0, verifySlackRequest accepts it", {
    secrets: [secret], headers: { ...json, ...signed(event, at) }, body: event, want: { event: "app_mention", delivery_id: "Ev08MFMKH6" },
  });
  const challenge = '{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}';
  add("challenge", "slack", "npm @slack/bolt 5.1.0, verifySlackRequest accepts it; the body is Slack's documentation's", {
    secrets: [secret], headers: { ...json, ...signed(challenge, at) }, body: challenge,
    want: { event: "url_verification", reply: { status: 200, content_type: "text/plain; charset=utf-8", body: "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P" } },
  });
}

// --- Linear
{
  const { LinearWebhookClient } = await import(join(process.env.NODE_PATH_DIR, "node_modules/@linear/sdk/dist/webhooks/index.mjs"));
  const secret = "lin_wh_kJ3XrQvLz";
  const body = JSON.stringify({ action: "create", type: "Issue", data: { id: "2174add1-f7c8-44e3-bbf3-2d60b5ea8bc9", title: "Grüße" }, webhookTimestamp: at * 1000 - 420, webhookId: "000042e3" });
  const signature = hmac("sha256", secret, body, "hex");
  assert(new LinearWebhookClient(secret).verify(Buffer.from(body), signature), "Linear");
  add("library", "linear", "npm @linear/sdk 98.0.0, LinearWebhookClient.verify accepts it", {
    secrets: [secret], headers: { ...json, "linear-delivery": "234d1a4e-b617-4388-90fe-adc3633d6b72", "linear-event": "Issue", "linear-signature": signature }, body,
    want: { event: "Issue create", delivery_id: "234d1a4e-b617-4388-90fe-adc3633d6b72" },
  });
}

// --- Paddle
{
  const { Paddle } = require("@paddle/paddle-node-sdk");
  const secret = "pdl_ntfset_01gkdp9d5aymh2yvxgvq0z6hpg_1Yk5pDTHSK6yLcnLTeYdCZfmFBF4Ru0F";
  const body = '{"event_id":"evt_01hv8x29kz0t586xy6zn1a62ny","event_type":"transaction.completed","occurred_at":"2027-01-15T07:59:59.5Z","notification_id":"ntf_01hv8x29pv0c7txnvm5v5a0ybs","data":{"id":"txn_01hv8wptq8987qeep44cyrewp9"}}';
  const h1 = hmac("sha256", secret, `${at}:${body}`, "hex");
  assert(await new Paddle("pdl_sdbx_apikey_none").webhooks.isSignatureValid(body, secret, `ts=${at};h1=${h1}`), "Paddle");
  const want = { event: "transaction.completed", delivery_id: "evt_01hv8x29kz0t586xy6zn1a62ny" };
  add("library", "paddle", "npm @paddle/paddle-node-sdk 3.10.0, webhooks.isSignatureValid accepts it", { secrets: [secret], headers: { ...json, "paddle-signature": `ts=${at};h1=${h1}` }, body, want });
  add("rotated secret", "paddle", "node:crypto, after Paddle's documentation of several h1", {
    secrets: [secret], headers: { ...json, "paddle-signature": `ts=${at};h1=${hmac("sha256", "pdl_ntfset_other", `${at}:${body}`, "hex")};h1=${h1}` }, body, want,
  });
}

// --- PagerDuty
{
  const secret = "GReBLtuG4Tz9Zk";
  const body = '{"event":{"id":"01BZLV9RGWQ1N5LQ8TZ1ZWZ0QF","event_type":"incident.triggered","resource_type":"incident","occurred_at":"2027-01-15T08:00:00.131Z","data":{"id":"PGR0VU2","type":"incident"}}}';
  const sign = (key) => "v1=" + hmac("sha256", key, body, "hex");
  const want = { event: "incident.triggered", delivery_id: "01BZLV9RGWQ1N5LQ8TZ1ZWZ0QF" };
  add("document", "pagerduty", "node:crypto, after PagerDuty's documentation of verifying signatures", { secrets: [secret], headers: { ...json, "x-pagerduty-signature": sign(secret) }, body, want });
  add("rotated secret", "pagerduty", "node:crypto, after PagerDuty's documentation of several signatures", { secrets: [secret], headers: { ...json, "x-pagerduty-signature": sign("other") + "," + sign(secret) }, body, want });
}

// --- Zoom
{
  const secret = "zoom-secret-token";
  const signed = (body) => ({ "x-zm-request-timestamp": `${at}`, "x-zm-signature": `v0=${crypto.createHmac("sha256", secret).update(`v0:${at}:${body}`).digest("hex")}` });
  const body = '{"event":"meeting.started","payload":{"account_id":"AAAAAABBBB","object":{"id":"1234567890"}},"event_ts":1800000000123}';
  add("document", "zoom", "the code that Zoom's documentation of verifying webhooks prints, run by node:crypto", { secrets: [secret], headers: { ...json, ...signed(body) }, body, want: { event: "meeting.started" } });
  const plainToken = "qgg8vlvZRS6UYooatFL8Aw";
  const question = JSON.stringify({ payload: { plainToken }, event_ts: at * 1000, event: "endpoint.url_validation" });
  const encryptedToken = crypto.createHmac("sha256", secret).update(plainToken).digest("hex");
  add("validation", "zoom", "the code that Zoom's documentation of validating an endpoint prints, run by node:crypto", {
    secrets: [secret], headers: { ...json, ...signed(question) }, body: question,
    want: { event: "endpoint.url_validation", reply: { status: 200, content_type: "application/json", body: JSON.stringify({ encryptedToken, plainToken }) } },
  });
}

// --- Twilio
{
  const lib = require("twilio/lib/webhooks/webhooks.js");
  const token = "12345";
  const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
  const params = { CallSid: "CA1234567890ABCDE", Digits: "1234", From: "+14158675309", To: "+18005551212", Caller: "+14158675309" };
  assert(lib.getExpectedTwilioSignature(token, url, params) === "RSOYDt4T1cUTdK1PDd93/VVr8B8=", "Twilio's documented signature");
  add("document", "twilio", "Twilio's documentation of webhook security; npm twilio 6.2.0 signs the same", {
    url, secrets: [token], headers: { ...form, "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=", "i-twilio-idempotency-token": "7c1f5a2b-1b0c" },
    body: new URLSearchParams(params).toString(), want: { delivery_id: "7c1f5a2b-1b0c" },
  });
  const list = { MediaUrl: ["b", "a", "b"], Body: "Grüße & mehr" };
  const inner = "http://10.0.0.7:8080/v1/webhooks/inbound/whk_1?x=1";
  add("behind a proxy", "twilio", "npm twilio 6.2.0, getExpectedTwilioSignature", {
    url: inner, secrets: [token], settings: { url: "https://hooks.example.com/twilio" }, body: "MediaUrl=b&MediaUrl=a&MediaUrl=b&Body=Gr%C3%BC%C3%9Fe+%26+mehr",
    headers: { ...form, "x-twilio-signature": lib.getExpectedTwilioSignature(token, "https://hooks.example.com/twilio?x=1", list) }, want: {},
  });
  for (const [name, called, signed] of [["port added", "https://h.example.com/a?b=c", "https://h.example.com:443/a?b=c"], ["port removed", "https://h.example.com:8443/a", "https://h.example.com/a"], ["plain port added", "http://h.example.com", "http://h.example.com:80"]]) {
    const signature = lib.getExpectedTwilioSignature(token, signed, params);
    assert(lib.validateRequest(token, signature, called, params), "Twilio, " + name);
    add(name, "twilio", "npm twilio 6.2.0, validateRequest accepts it", {
      url: called, secrets: [token], headers: { ...form, "x-twilio-signature": signature }, body: new URLSearchParams(params).toString(), want: {},
    });
  }
  const body = '{"property":"value","boolean":true}';
  const signedURL = "https://example.com/path?bodySHA256=" + lib.getExpectedBodyHash(body);
  const signature = lib.getExpectedTwilioSignature(token, signedURL, {});
  assert(lib.validateRequestWithBody(token, signature, signedURL, body), "Twilio, JSON");
  add("JSON", "twilio", "npm twilio 6.2.0, validateRequestWithBody accepts it", { url: signedURL, secrets: [token], headers: { ...json, "x-twilio-signature": signature }, body, want: {} });
}

// --- SendGrid
{
  const { EventWebhook } = require("@sendgrid/eventwebhook");
  const ew = new EventWebhook();
  const key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
  const signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM=";
  const payload = JSON.stringify([{
    email: "hello@world.com", event: "dropped", reason: "Bounced Address", sg_event_id: "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
    sg_message_id: "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0", "smtp-id": "<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>", timestamp: 1600112492,
  }]) + "\r\n";
  assert(ew.verifySignature(ew.convertPublicKeyToECDSA(key), payload, signature, "1600112502"), "SendGrid's own");
  add("document", "sendgrid", "signed by SendGrid itself: the request in the tests of @sendgrid/eventwebhook 8.0.0, which accepts it", {
    at: 1600112502, secrets: [key], headers: { ...json, "x-twilio-email-event-webhook-signature": signature, "x-twilio-email-event-webhook-timestamp": "1600112502" }, body: payload, want: {},
  });
}

// --- Discord
{
  const { verifyKey } = require("discord-interactions");
  const { publicKey, privateKey } = crypto.generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex");
  for (const [name, body, want] of [
    ["interaction", '{"id":"846462639134605312","type":2,"data":{"name":"deploy"},"token":"A_UNIQUE_TOKEN"}', { event: "interaction", delivery_id: "846462639134605312" }],
    ["ping", '{"id":"846462639134605313","type":1,"token":"A_UNIQUE_TOKEN","version":1}', { event: "PING", reply: { status: 200, content_type: "application/json", body: '{"type":1}' } }],
    ["event", '{"version":1,"application_id":"1234560123453231555","type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2027-01-15T07:59:59"}}', { event: "APPLICATION_AUTHORIZED" }],
    ["event ping", '{"version":1,"application_id":"1234560123453231555","type":0}', { event: "PING", reply: { status: 204 } }],
  ]) {
    const signature = crypto.sign(null, Buffer.from(at + body), privateKey).toString("hex");
    assert(await verifyKey(body, signature, `${at}`, key), "Discord");
    add(name, "discord", "npm discord-interactions 4.4.0, verifyKey accepts it", {
      secrets: [key], headers: { ...json, "x-signature-ed25519": signature, "x-signature-timestamp": `${at}` }, body, want,
    });
  }
}

// --- Amazon SNS
let certificate;
{
  const dir = mkdtempSync(join(tmpdir(), "sns"));
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", dir + "/key", "-out", dir + "/cert", "-days", "36500", "-subj", "/CN=sns.amazonaws.com"], { stdio: "ignore" });
  certificate = readFileSync(dir + "/cert", "utf8");
  const key = readFileSync(dir + "/key");
  const Validator = require("sns-validator");
  https.get = (_, done) => {
    const answer = Object.assign(new EventEmitter(), { statusCode: 200 });
    setImmediate(() => { done(answer); answer.emit("data", Buffer.from(certificate)); answer.emit("end"); });
    return new EventEmitter();
  };
  const TopicArn = "arn:aws:sns:eu-central-1:123456789012:orders";
  const SigningCertURL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-56e67fcb41f6fec09b0196692625d385.pem";
  const Timestamp = new Date(at * 1000).toISOString();
  for (const [name, version, fields, names, want] of [
    ["notification", "1", { Type: "Notification", MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", TopicArn, Subject: "My First Message", Message: "Hello\nworld: ü", Timestamp },
      ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"], { event: "Notification", delivery_id: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324" }],
    ["notification without subject", "2", { Type: "Notification", MessageId: "da41e39f-ea4d-435a-b922-c6aae3915ebe", TopicArn, Message: '{"order":1}', Timestamp },
      ["Message", "MessageId", "Timestamp", "TopicArn", "Type"], { event: "Notification", delivery_id: "da41e39f-ea4d-435a-b922-c6aae3915ebe" }],
    ["confirmation", "2", { Type: "SubscriptionConfirmation", MessageId: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", Token: "2336412f37", TopicArn, Message: "You have chosen to subscribe …", SubscribeURL: `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TopicArn}&Token=2336412f37`, Timestamp },
      ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"], { event: "SubscriptionConfirmation", delivery_id: "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", confirm: `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TopicArn}&Token=2336412f37` }],
    ["unsubscribed", "1", { Type: "UnsubscribeConfirmation", MessageId: "47138184-6831-46b8-8f7c-afc488602d7d", Token: "2336412f37", TopicArn, Message: "You have chosen to deactivate …", SubscribeURL: `https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TopicArn}&Token=2336412f37`, Timestamp },
      ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"], { event: "UnsubscribeConfirmation", delivery_id: "47138184-6831-46b8-8f7c-afc488602d7d", reply: { status: 204 } }],
  ]) {
    const text = names.map((n) => `${n}\n${fields[n]}\n`).join("");
    const Signature = crypto.sign(version === "1" ? "sha1" : "sha256", Buffer.from(text), key).toString("base64");
    const body = JSON.stringify({ ...fields, SignatureVersion: version, Signature, SigningCertURL }, null, 2);
    let origin = "npm sns-validator 0.3.5, MessageValidator.validate accepts it";
    if (name === "unsubscribed") origin = "node:crypto, after Amazon's documentation of verifying signatures";
    else await new Promise((ok, no) => new Validator().validate(body, (err) => (err ? no(err) : ok())));
    add(name, "sns", origin, { secrets: [], settings: { topic_arn: TopicArn }, headers: { "content-type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": fields.Type }, body, want });
  }
}

// --- what any sender can do
{
  const body = '{"type":"order.paid","id":7}';
  const event = "order.paid";
  add("RFC 7617", "basic", "the example of RFC 7617, section 2", { secrets: ["open sesame"], settings: { username: "Aladdin" }, headers: { ...json, authorization: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "idempotency-key": "d-1" }, body, want: { event, delivery_id: "d-1" } });
  add("RFC 6750", "bearer", "the example of RFC 6750, section 2.1", { secrets: ["mF_9.B5f-4.1JqM"], headers: { ...json, authorization: "Bearer mF_9.B5f-4.1JqM", "ce-id": "A234-1234-1234", "ce-source": "/orders", "ce-type": "paid" }, body, want: { event, delivery_id: "/orders A234-1234-1234" } });
  add("default header", "api_key", "by hand", { secrets: ["k-1"], headers: { ...json, "x-api-key": "k-1" }, body, want: { event } });
  add("own header", "api_key", "by hand", { secrets: ["k-1"], settings: { header: "X-Acme-Key" }, headers: { ...json, "x-acme-key": "k-1", "webhook-id": "d-1" }, body, want: { event, delivery_id: "d-1" } });
  for (const [hash, encoding] of [["sha256", "hex"], ["sha1", "base64"], ["sha384", "hex"], ["sha512", "base64url"]]) {
    add(`${hash} ${encoding}`, "hmac", "node:crypto", {
      secrets: ["shared"], settings: { header: "X-Acme-Signature", algorithm: hash, encoding, prefix: hash + "=" }, headers: { ...json, "x-acme-signature": `${hash}=${hmac(hash, "shared", body, encoding)}` }, body, want: { event },
    });
  }
  add("time and id", "hmac", "node:crypto", {
    secrets: ["shared"], settings: { header: "X-Sig", timestamp_header: "X-Time", id_header: "X-Id", event_header: "X-Event", content: "v1:{id}:{timestamp}:{body}:end" },
    headers: { ...json, "x-sig": hmac("sha256", "shared", `v1:d-9:${at * 1000}:${body}:end`, "hex"), "x-time": `${at * 1000}`, "x-id": "d-9", "x-event": "paid" }, body, want: { event: "paid", delivery_id: "d-9" },
  });
  const written = new RealDate(at * 1000).toISOString();
  add("written time", "hmac", "node:crypto", {
    secrets: ["shared"], settings: { header: "X-Sig", timestamp_header: "X-Time" }, headers: { ...json, "x-sig": hmac("sha256", "shared", `${written}.${body}`, "hex"), "x-time": written }, body, want: { event },
  });
}

console.log(JSON.stringify({ certificate, vectors }, null, 1));
