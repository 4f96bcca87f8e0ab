package settings

import (
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/schedule"
)

// checkNoise reports what cannot stand of what keeps an endpoint quiet.
func checkNoise(ep *peal.Endpoint) error {
	if ep.MuteHours != nil {
		if _, err := schedule.ParseHours(ep.MuteHours); err != nil {
			return within("mute_hours", err)
		}
	}
	if ep.Grouping == nil && ep.Digest == nil {
		return nil
	}
	switch {
	case ep.Kind == webhookKind:
		return peal.Invalid(collecting(ep), "a webhook gets each event by itself; messages to people can be collected")
	case ep.Grouping != nil && ep.Digest != nil:
		return peal.Invalid("digest", "an endpoint has either group or digest")
	case ep.Ordered:
		return peal.Invalid(collecting(ep), "an ordered endpoint gets each event by itself")
	case ep.Digest != nil:
		_, err := schedule.ParseCron(ep.Digest.Schedule, ep.Digest.TimeZone)
		return within("digest", err)
	}
	return checkGrouping(ep.Grouping)
}

// collecting names the member that asks for it.
func collecting(ep *peal.Endpoint) string {
	if ep.Grouping != nil {
		return "group"
	}
	return "digest"
}

const minGroupTime = time.Second

func checkGrouping(g *peal.Grouping) error {
	if len(g.By) > peal.MaxGroupBy {
		return peal.Invalid("group.by", "at most %d names", peal.MaxGroupBy)
	}
	seen := map[string]bool{}
	for _, name := range g.By {
		if seen[name] || !groupable(name) {
			return peal.Invalid("group.by", "%q is not type, severity, source, subject or data.NAME, each once", peal.Clip(name, clipLen))
		}
		seen[name] = true
	}
	for _, d := range []struct {
		name string
		v    peal.Duration
	}{{"group.wait", g.Wait}, {"group.interval", g.Interval}, {"group.repeat_interval", g.RepeatInterval}} {
		optional := d.name == "group.repeat_interval" && d.v == 0
		if v := time.Duration(d.v); !optional && (v < minGroupTime || v > peal.MaxGroupTime) {
			return peal.Invalid(d.name, "%s is from %s to %s", d.name, minGroupTime, peal.MaxGroupTime)
		}
	}
	return nil
}

const maxGroupName = 256

func groupable(name string) bool {
	switch name {
	case "type", "severity", "source", "subject":
		return true
	}
	path, ok := strings.CutPrefix(name, "data.")
	return ok && path != "" && len(name) <= maxGroupName && peal.Printable(name)
}
