package governance_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/peal-dev/peal/internal/governance"
)

func BenchmarkParseUsage(b *testing.B) {
	var body bytes.Buffer
	body.WriteByte('[')
	for i := range 1000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"1-%d","key":"key-%d","team":"team-1","user":%d,"model":"model-3","tokens":1200,"cost":0.00125,"status":200}`, i, i, i)
	}
	body.WriteByte(']')
	b.ReportAllocs()
	for b.Loop() {
		if _, err := governance.ParseUsage(body.Bytes(), false, now); err != nil {
			b.Fatal(err)
		}
	}
}
