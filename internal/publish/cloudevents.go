package publish

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/strictjson"
)

// ParseCloudEvents reads the HTTP binding of CloudEvents 1.0 in its structured,
// binary and batched modes; ok is false where the request is none of them.
// Attributes keep their meaning, the extensions severity, title and message become
// the event's, other extensions are not kept.
func ParseCloudEvents(header http.Header, body []byte) (inputs []Input, batch, ok bool, err error) {
	mediaType, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case mediaType == "application/cloudevents+json":
		doc, err := compact(body)
		if err != nil {
			return nil, false, true, err
		}
		in, err := parseStructured(doc)
		return []Input{in}, false, true, err
	case mediaType == "application/cloudevents-batch+json":
		doc, err := compact(body)
		if err != nil {
			return nil, true, true, err
		}
		if doc[0] != '[' {
			return nil, true, true, peal.Invalid("", "a CloudEvents batch is a JSON array")
		}
		inputs, err := parseArray(doc, parseStructured)
		return inputs, true, true, err
	case strings.HasPrefix(mediaType, "application/cloudevents"):
		return nil, false, true, &peal.Error{Code: peal.CodeUnsupported, Message: "of CloudEvents' formats only JSON is understood"}
	case isBinary(header):
		in, err := parseBinary(header, mediaType, body)
		return []Input{in}, false, true, err
	}
	return nil, false, false, nil
}

// isBinary tells whether the attributes stand in headers; one that lacks the version
// is a CloudEvent all the same, and told so.
func isBinary(header http.Header) bool {
	for _, name := range []string{"Ce-Specversion", "Ce-Id", "Ce-Type", "Ce-Source"} {
		if header.Get(name) != "" {
			return true
		}
	}
	return false
}

func parseStructured(doc []byte) (Input, error) {
	var in Input
	var version, contentType, data64 string
	if doc[0] != '{' {
		return in, peal.Invalid("", "a CloudEvent is a JSON object")
	}
	err := strictjson.Fields(doc, func(key string, value []byte) error {
		switch key {
		case "specversion":
			return text(&version, key, value)
		case "datacontenttype":
			return text(&contentType, key, value)
		case "data":
			return object(&in.Data, key, value)
		case "data_base64":
			return text(&data64, key, value)
		}
		var s string
		if text(&s, key, value) != nil {
			return nil // an extension may be a number or a boolean
		}
		return in.setAttribute(key, s)
	})
	if err != nil {
		return in, err
	}
	in.Data = own(in.Data, cap(doc))
	if data64 != "" {
		raw, err := base64.StdEncoding.DecodeString(data64)
		if err != nil {
			return in, peal.Invalid("data_base64", "data_base64 is not base64")
		}
		if err := in.setJSON(raw); err != nil {
			return in, peal.Invalid("data_base64", "data must be JSON: data_base64 must be the base64 of a JSON object")
		}
	}
	return in, in.checkCloudEvent(version, contentType)
}

func parseBinary(header http.Header, mediaType string, body []byte) (Input, error) {
	var in Input
	for name, values := range header {
		attr, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok || attr == "specversion" || len(values) == 0 {
			continue
		}
		value, err := url.PathUnescape(values[0])
		if err != nil {
			return in, peal.Invalid(name, "header %s is not percent-encoded as CloudEvents has it", name)
		}
		if err := in.setAttribute(attr, value); err != nil {
			return in, err
		}
	}
	if len(body) > 0 {
		if err := in.setJSON(body); err != nil {
			return in, err
		}
	}
	return in, in.checkCloudEvent(header.Get("Ce-Specversion"), mediaType)
}

func (in *Input) setAttribute(name, value string) error {
	switch name {
	case "id":
		in.ClientID = value
	case "type":
		in.Type = value
	case "source":
		in.Source = value
	case "subject":
		in.Subject = value
	case "title":
		in.Title = value
	case "message":
		in.Message = value
	case "severity":
		// An extension: what others mean by theirs is no reason to refuse an event.
		if v, err := peal.ParseSeverity(value); err == nil {
			in.Severity = v
		}
	case "time":
		if value != "" {
			return parseTime(&in.Time, "time", value)
		}
	}
	return nil
}

func (in *Input) setJSON(raw []byte) error {
	doc, err := compact(raw)
	if err != nil {
		return err
	}
	err = object(&in.Data, "data", doc)
	in.Data = own(in.Data, cap(doc))
	return err
}

func (in *Input) checkCloudEvent(version, contentType string) error {
	if version == "" {
		return peal.Invalid("specversion", "a CloudEvent needs specversion 1.0; as a header, it is ce-specversion")
	}
	if version != "1.0" {
		return peal.Invalid("specversion", "specversion must be 1.0")
	}
	for _, a := range []struct{ name, value string }{{"id", in.ClientID}, {"source", in.Source}, {"type", in.Type}} {
		if a.value == "" {
			return peal.Invalid(a.name, "a CloudEvent needs id, source and type; %s is missing", a.name)
		}
	}
	if mt, _, err := mime.ParseMediaType(contentType); contentType != "" && (err != nil || mt != "application/json" && !strings.HasSuffix(mt, "+json")) {
		return peal.Invalid("datacontenttype", "data must be JSON")
	}
	return nil
}
