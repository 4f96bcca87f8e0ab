package scheme

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
)

// zoom is Zoom's "v0=HEX": HMAC-SHA256 over "v0:TIME:BODY". In endpoint.url_validation,
// which comes when the URL is entered and every few days after, it asks for a proof
// that the hook knows the secret.
func zoom() *Scheme {
	return &Scheme{
		Name:     "zoom",
		Provider: "Zoom",
		Fields: []Field{
			theirs("The secret token on the Feature page of the app."),
			toleranceField(fiveMinutes),
		},
		Headers:   []string{"X-Zm-Signature", "X-Zm-Request-Timestamp"},
		Tolerance: fiveMinutes,
		Accepted:  http.StatusOK,
		verify: func(_ context.Context, c *call) (Verdict, error) {
			secret, err := c.signedV0("X-Zm-Signature", "X-Zm-Request-Timestamp")
			if err != nil {
				return Verdict{}, err
			}
			var body struct {
				Event   string `json:"event"`
				Payload struct {
					PlainToken string `json:"plainToken"`
				} `json:"payload"`
			}
			c.json(&body)
			v := Verdict{Event: body.Event}
			if body.Event == "endpoint.url_validation" {
				v.Reply = zoomReply(secret, body.Payload.PlainToken)
			}
			return v, nil
		},
	}
}

func zoomReply(secret, token string) *Reply {
	answer, err := json.Marshal(map[string]string{
		"plainToken":     token,
		"encryptedToken": hex.EncodeToString(mac(sha256.New, secret, []byte(token))),
	})
	if err != nil {
		panic(err) // texts can always be written
	}
	return &Reply{http.StatusOK, "application/json", answer}
}

// signedV0 verifies "v0=" and the hex of HMAC-SHA256 over "v0:TIME:BODY", and gives
// the secret that made it.
func (c *call) signedV0(header, timeHeader string) (secret string, err error) {
	sig, err := c.signature(header, "v0=", fromHex)
	if err != nil {
		return "", err
	}
	secret, err = c.signed(sha256.New, [][]byte{sig}, []byte("v0:"+c.Header.Get(timeHeader)+":"), c.Body)
	if err != nil {
		return "", err
	}
	return secret, c.freshHeader(timeHeader)
}
