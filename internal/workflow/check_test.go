package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/egress"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/workflow"
)

// has is what an org has.
type has struct {
	org      string
	endpoint peal.EndpointID
	offering peal.OfferingID
	secret   string
}

func (h has) ID() string                          { return h.org }
func (h has) HasEndpoint(id peal.EndpointID) bool { return id == h.endpoint }
func (h has) HasOffering(id peal.OfferingID) bool { return id == h.offering }
func (h has) HasSecret(name string) bool          { return strings.HasPrefix(name, h.secret) }

// named names so many secrets, each of them twice.
func named(n int) string {
	var b strings.Builder
	for i := range 2 * n {
		fmt.Fprintf(&b, "\"{{ secrets.TOKEN_%d }}\", ", i/2)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func TestCheckFindsWhatIsNamed(t *testing.T) {
	client, err := egress.New(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	kinds := workflow.All(workflow.Deps{Egress: client})
	org := has{"acme", peal.NewEndpointID(time.Now()), peal.NewOfferingID(time.Now()), "TOKEN"}
	for with, want := range map[string]string{
		"{id: a, uses: notify, with: {title: x, endpoint: " + org.endpoint.String() + "}}":                          "",
		"{id: a, uses: notify, with: {title: x, endpoint: \"{{ webhook.body.to }}\"}}":                              "",
		"{id: a, uses: notify, with: {title: x, endpoint: ep_01h455vb4pex5vsknk084sn02q}}":                          "line 3, column 54: there is no endpoint ep_01h455vb4pex5vsknk084sn02q",
		"{id: a, uses: notify, with: {title: x, endpoint: ops}}":                                                    "line 3, column 54: ",
		"{id: a, uses: request, with: {offering: " + org.offering.String() + "}}":                                   "",
		"{id: a, uses: request, with: {offering: svc_01h455vb4pex5vsknk084sn02q}}":                                  "line 3, column 45: there is no offering svc_01h455vb4pex5vsknk084sn02q",
		"{id: a, uses: http, with: {url: \"https://192.0.2.1/{{ secrets.TOKEN }}\"}}":                               "",
		"{id: a, uses: http, with: {url: \"https://192.0.2.1/{{ secrets.OTHER }}\"}}":                               "line 3, column 37: there is no secret OTHER",
		"{id: a, uses: http, with: {url: \"https://127.0.0.1/\"}}":                                                  "line 3, column 37: url leads to an internal",
		"{id: a, uses: parallel, with: {branches: [{id: b, uses: http, with: {url: \"https://127.0.0.1/\"}}]}}":     "line 3, column 79: url leads to an internal",
		"{id: a, uses: http, with: {url: \"https://127.0.0.1/\"}}\n  - {id: b, uses: request, with: {offering: x}}": "line 4, column 45: ",
		"{id: a, uses: http, with: {url: \"https://{{ secrets.TOKEN_0 }}/\", body: [" + named(20) + "]}}":           "",
		"{id: a, uses: http, with: {url: \"https://{{ secrets.TOKEN_0 }}/\", body: [" + named(21) + "]}}":           "line 3, column 1098: a workflow names at most 20 secrets",
	} {
		_, err := kinds.Check(t.Context(), "name: Test\nsteps:\n  - "+with, org)
		if want == "" && err == nil {
			continue
		}
		var known *peal.Error
		if !errors.As(err, &known) || want == "" || !strings.HasPrefix(known.Message, want) {
			t.Errorf("%s\n got %v\nwant %s", with, err, want)
		}
	}
}

// Names are looked up beside each other, and all of them together within one time.
func TestCheckTakesItsTimeOnce(t *testing.T) {
	// The net package prepares itself once for all tests, which must not be in a bubble.
	if _, err := (&net.Resolver{PreferGo: true}).LookupHost(t.Context(), "localhost"); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		silent := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		client, err := egress.New(egress.Options{Resolver: silent})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		var text strings.Builder
		text.WriteString("name: Test\nsteps:\n")
		for i := range 100 {
			fmt.Fprintf(&text, "  - {id: s%d, uses: http, with: {url: \"https://s%d.example.com/\"}}\n", i, i)
		}
		began := time.Now()
		if _, err := workflow.All(workflow.Deps{Egress: client}).Check(t.Context(), text.String(), has{}); err != nil {
			t.Errorf("names that do not resolve yet: %v", err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}
