// Package webhook signs webhook requests and verifies them, in the formats that
// Peal delivers: Standard Webhooks, Nemo Router, Curate-Me, Nembl and Nolxy, and
// any other that Format can describe. All use HMAC-SHA256.
//
// A receiver needs one call, with the exact bytes that arrived:
//
//	body, err := io.ReadAll(r.Body)
//	…
//	if err := webhook.Standard.Verify(r.Header, body, secret); err != nil {
//		http.Error(w, "bad signature", http.StatusUnauthorized)
//		return
//	}
//
// Verifying needs the bytes as they were sent: a body that was parsed and printed
// again has another signature. Give more than one secret while one is being
// replaced by another. The package is not for sending requests, nor for
// remembering ids so that a repeated delivery is handled once.
package webhook
