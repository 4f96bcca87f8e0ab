package settings_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/peal-dev/peal/internal/profile"
)

func TestProfilesThatAreMissingAreNamed(t *testing.T) {
	n := newNode(t, newRows(t))
	own := must[*profile.Set](t)(profile.Load([]byte("profiles: [{name: gone}]")))
	n.Profiles = own
	n.create(t, draft("gone"))
	n.create(t, draft("gone"))
	n.create(t, draft("standard"))
	for name, set := range map[string]*profile.Set{"": own, "profile=gone endpoints=2": profile.Builtin()} {
		var log bytes.Buffer
		n.Profiles = set
		check(t, n.CheckProfiles(slog.New(slog.NewTextHandler(&log, nil))))
		if lines := strings.Count(log.String(), "\n"); !strings.Contains(log.String(), name) || lines != min(1, len(name)) {
			t.Errorf("want %q: %s", name, &log)
		}
	}
}
