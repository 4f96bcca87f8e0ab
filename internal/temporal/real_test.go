package temporal_test

import (
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/peal-dev/peal/internal/config"
)

func certificate(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// A real server, where PEAL_TEST_TEMPORAL has the address of one, such as that of
// "temporal server start-dev --namespace payments".
func TestIDsOfARealServer(t *testing.T) {
	address := os.Getenv("PEAL_TEST_TEMPORAL")
	if address == "" {
		t.Skip("PEAL_TEST_TEMPORAL has no address of a Temporal server")
	}
	log := slog.New(slog.DiscardHandler)
	c, err := client.Dial(client.Options{HostPort: address, Namespace: namespace, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, "charges", worker.Options{})
	for name, run := range map[string]any{
		"Succeed": func(workflow.Context, map[string]any) (map[string]float64, error) {
			return map[string]float64{"paid": 1.5}, nil
		},
		"Refuse": func(workflow.Context, map[string]any) error {
			return sdk.NewApplicationErrorWithCause("card declined", "Refused", errors.New("code 51"))
		},
		"Endless": func(ctx workflow.Context, _ map[string]any) error { return workflow.Sleep(ctx, time.Hour) },
	} {
		w.RegisterWorkflowWithOptions(run, workflow.RegisterOptions{Name: name})
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	rules(t, open(t, log,
		config.TemporalNamespace{Namespace: namespace, Address: address, Orgs: []string{"acme"}, Plaintext: true},
		config.TemporalNamespace{Namespace: "nowhere", Address: address, Orgs: []string{"acme"}, Plaintext: true},
	), time.Now().Format(time.RFC3339Nano)+":", func(string, string) {})
}
