package scheme

import "context"

// shopify is Shopify's X-Shopify-Hmac-Sha256: HMAC-SHA256 over the body, in base64.
func shopify() *Scheme {
	return &Scheme{
		Name:     "shopify",
		Provider: "Shopify",
		Fields:   []Field{theirs("The client secret of the app, or the key shown below a shop's own webhooks.")},
		Headers:  []string{"X-Shopify-Hmac-Sha256"},
		verify: func(_ context.Context, c *call) (Verdict, error) {
			return Verdict{
				DeliveryID: c.Header.Get("X-Shopify-Webhook-Id"),
				Event:      c.Header.Get("X-Shopify-Topic"),
			}, c.signedBody("X-Shopify-Hmac-Sha256", "", fromBase64)
		},
	}
}
