package queue

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/peal-dev/peal/internal/peal"
)

func TestAttemptsAreReadAsWritten(t *testing.T) {
	full := peal.Attempt{
		Number: 3, StartedAt: time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC), Duration: time.Second, StatusCode: 503,
		Error: "the endpoint answered 503", Profile: "standard", BodyHash: []byte{1, 2}, RequestHeaders: map[string]string{"webhook-id": "x"},
		ResponseBody: "later", Events: 12,
	}
	for i, v := 0, reflect.ValueOf(full); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		some := full
		some.Error, some.ResponseBody = rapid.String().Draw(t, "error"), rapid.String().Draw(t, "body")
		some.StatusCode, some.Events = rapid.IntRange(0, 599).Draw(t, "status"), rapid.IntRange(0, 2000).Draw(t, "events")
		some.RequestHeaders = rapid.MapOfN(rapid.String(), rapid.String(), 1, 4).Draw(t, "headers")
		want := []peal.Attempt{full, some}
		var lines []byte
		for i := range want {
			lines = appendAttempt(lines, &want[i])
		}
		got, err := parseAttempts(string(lines))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}
