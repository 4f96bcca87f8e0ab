package scheme

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strconv"
	"testing"
	"time"
)

// at is when the tests of this package that sign for themselves take place.
var at = time.Unix(1800000000, 0)

// certify makes a certificate for a key.
func certify(t *testing.T, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestOtherCertificates(t *testing.T) {
	file := readVectors(t)
	v := firstVector(t, file, "sns")
	verify := func(certificate string, now time.Time) error {
		r := v.request()
		r.Now = now
		_, err := sns(certificateOf(certificate)).Verify(t.Context(), r, v.config())
		return err
	}
	refused(t, "another certificate", verify(certify(t, rsaKey(t)), v.Now), ErrMismatch)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "<html>",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		certify(t, other),
	} {
		refused(t, "no certificate of RSA", verify(text, v.Now), ErrUntrusted)
	}
	refused(t, "an expired certificate", verify(file.Certificate, v.Now.AddDate(200, 0, 0)), ErrUntrusted)
	refused(t, "a certificate of the future", verify(file.Certificate, v.Now.AddDate(-200, 0, 0)), ErrUntrusted)
}

func TestCertificatesAreBounded(t *testing.T) {
	text := certify(t, rsaKey(t))
	certs := newCertificates(certificateOf(text))
	for i := range 3 * maxCertificates {
		if _, err := certs.key(t.Context(), strconv.Itoa(i), at); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(certs.byURL); n > maxCertificates {
		t.Errorf("%d certificates are kept", n)
	}
}

// What SNS signed can still be nothing that a hook acts on.
func TestSNSSignedAndRefused(t *testing.T) {
	key := rsaKey(t)
	s := sns(certificateOf(certify(t, key)))
	verify := func(change func(message)) (Verdict, error) {
		m := message{
			"Type": "SubscriptionConfirmation", "MessageId": "1", "Token": "2", "TopicArn": someARN, "Message": "You have chosen …",
			"SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription", "Timestamp": at.UTC().Format(time.RFC3339),
			"SignatureVersion": "2", "SigningCertURL": "https://sns.eu-central-1.amazonaws.com/a.pem",
		}
		change(m)
		sum := sha256.Sum256(m.canonical())
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		m["Signature"] = base64.StdEncoding.EncodeToString(sig)
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return s.Verify(t.Context(), &Request{Body: body, Now: at}, Config{Settings: map[string]string{"topic_arn": someARN}})
	}
	if got, err := verify(func(message) {}); err != nil || got.Confirm == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		change func(message)
		reason error
	}{
		"elsewhere":  {func(m message) { m["SubscribeURL"] = "https://169.254.169.254/" }, ErrUntrusted},
		"plain":      {func(m message) { m["SubscribeURL"] = "http://sns.eu-central-1.amazonaws.com/" }, ErrUntrusted},
		"no address": {func(m message) { delete(m, "SubscribeURL") }, ErrUntrusted},
		"no time":    {func(m message) { delete(m, "Timestamp") }, ErrMalformed},
		"other type": {func(m message) { m["Type"] = "Greeting" }, ErrMalformed},
	} {
		_, err := verify(c.change)
		refused(t, name, err, c.reason)
	}
}
