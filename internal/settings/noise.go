package settings

import (
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
	return nil
}
