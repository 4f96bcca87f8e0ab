package scheme

import (
	"encoding/json"
	"strings"
	"testing"
)

// A message may be genuine and still not be for this hook, or point elsewhere.
func TestSNSTrustsItsTopicsAlone(t *testing.T) {
	file := readVectors(t)
	v := firstVector(t, file, "sns")
	s := sns(certificateOf(file.Certificate))
	for arn, ok := range map[string]bool{
		someARN:                      true,
		someARN + "-2, " + someARN:   true,
		someARN + "-2":               false,
		strings.ToUpper(someARN):     false,
		"arn:aws:sns:eu-central-1:*": false,
	} {
		c := v.config()
		c.Settings["topic_arn"] = arn
		_, err := s.Verify(t.Context(), v.request(), c)
		if ok && err != nil {
			t.Errorf("%s: %v", arn, err)
		} else if !ok {
			refused(t, arn, err, ErrUntrusted)
		}
	}
}

func TestSNSAddresses(t *testing.T) {
	m := message{"TopicArn": someARN}
	china := message{"TopicArn": "arn:aws-cn:sns:cn-north-1:123456789012:orders"}
	for address, ok := range map[string]bool{
		"https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-1.pem": true,
		"http://sns.eu-central-1.amazonaws.com/a.pem":                            false,
		"https://sns.eu-central-1.amazonaws.com:444/a.pem":                       false,
		"https://sns.us-east-1.amazonaws.com/a.pem":                              false,
		"https://sns.eu-central-1.amazonaws.com.evil.example/a.pem":              false,
		"https://sns.eu-central-1.amazonaws.com@evil.example/a.pem":              false,
		"https://user@sns.eu-central-1.amazonaws.com/a.pem":                      false,
		"https://evil.example/sns.eu-central-1.amazonaws.com/a.pem":              false,
		"https://evil.example\\@sns.eu-central-1.amazonaws.com/a.pem":            false,
		"https://s3.eu-central-1.amazonaws.com/bucket/a.pem":                     false,
		"https://sns.eu-central-1.amazonaws.com/a.txt":                           false,
		"https://sns.eu-central-1.amazonaws.com/a?.pem":                          false,
		"https://sns.eu-central-1.amazonaws.com/a#.pem":                          false,
		"//sns.eu-central-1.amazonaws.com/a.pem":                                 false,
		"":                                                                       false,
	} {
		m["SigningCertURL"] = address
		if got := m.fromSNS("SigningCertURL", ".pem"); got != ok {
			t.Errorf("%q: %v", address, got)
		}
	}
	china["SigningCertURL"] = "https://sns.cn-north-1.amazonaws.com.cn/a.pem"
	if !china.fromSNS("SigningCertURL", ".pem") {
		t.Error("China's certificates are refused")
	}
}

// The signature is over fields, so that a body which two readers read differently
// would carry one message past the check and another into the workflow.
func TestSNSIsReadOneWay(t *testing.T) {
	file := readVectors(t)
	v := firstVector(t, file, "sns")
	s := sns(certificateOf(file.Certificate))
	for name, body := range map[string]string{
		"twice":             strings.Replace(v.Body, `"Message": `, `"Message": "forged", "Message": `, 1),
		"twice, escaped":    strings.Replace(v.Body, `"Message": `, `"\u004dessage": "forged", "Message": `, 1),
		"other case":        strings.Replace(v.Body, `"Message": `, `"Message": "forged", "message": `, 1),
		"a number":          strings.Replace(v.Body, `"Subject": "My First Message"`, `"Subject": 1`, 1),
		"no version":        strings.Replace(v.Body, `"SignatureVersion": "1"`, `"SignatureVersion": "3"`, 1),
		"another version":   strings.Replace(v.Body, `"SignatureVersion": "1"`, `"SignatureVersion": "2"`, 1),
		"not an object":     "[" + v.Body + "]",
		"another type":      strings.Replace(v.Body, `"Type": "Notification"`, `"Type": "SubscriptionConfirmation"`, 1),
		"two values":        v.Body + v.Body,
		"a certificate":     strings.Replace(v.Body, "https://sns.eu-central-1.amazonaws.com", "https://sns.eu-central-1.amazonaws.com.evil.example", 1),
		"broken signature":  strings.Replace(v.Body, `"Signature": "`, `"Signature": "%`, 1),
		"without signature": strings.Replace(v.Body, `"Signature"`, `"Signed"`, 1),
	} {
		if body == v.Body {
			t.Fatalf("%s: nothing changed", name)
		}
		r := v.request()
		r.Body = []byte(body)
		_, err := s.Verify(t.Context(), r, v.config())
		refused(t, name, err)
	}
}

// FuzzParseSNS: where the message is read, encoding/json reads the same.
func FuzzParseSNS(f *testing.F) {
	for _, v := range readVectors(f).Vectors {
		if v.Scheme == "sns" {
			f.Add([]byte(v.Body))
		}
	}
	f.Add([]byte(`{"Type":"a","Signature":"b","type":1,"Subject":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseSNS(body)
		if err != nil {
			refused(t, "body", err)
			return
		}
		var other map[string]any
		if err := json.Unmarshal(body, &other); err != nil {
			t.Fatalf("read, but not JSON: %v", err)
		}
		for name, value := range other {
			text, isText := value.(string)
			if got, there := m[name]; got != text || there != isText {
				t.Errorf("%q is %q, not %v", name, got, value)
			}
		}
		if len(m.canonical()) == 0 || m.fromSNS("SubscribeURL", "/") && !strings.HasPrefix(m["SubscribeURL"], "https://sns.") {
			t.Errorf("message %v", m)
		}
	})
}
