package settings

import (
	"log/slog"

	"github.com/peal-dev/peal/internal/peal"
)

// CheckProfiles logs each profile that endpoints have and the server does not: nothing
// can be sent to them until it is configured again.
func (s *Service) CheckProfiles(log *slog.Logger) error {
	missing := map[string]int{}
	for orgs := (peal.Page{Limit: peal.MaxPageSize}); ; {
		rows, next, err := s.Directory.Orgs(orgs)
		if err != nil {
			return err
		}
		for _, o := range rows {
			if err := s.countMissing(o.ID, missing); err != nil {
				return err
			}
		}
		if orgs.Cursor = next; next == "" {
			break
		}
	}
	for name, n := range missing {
		log.Warn("endpoints have a profile that is not configured; nothing is sent to them until it is, in the file that profiles names",
			"profile", name, "endpoints", n)
	}
	return nil
}

func (s *Service) countMissing(org string, missing map[string]int) error {
	for page := (peal.Page{Limit: peal.MaxPageSize}); ; {
		endpoints, next, err := s.Directory.Endpoints(org, page)
		if err != nil {
			return err
		}
		for _, ep := range endpoints {
			if _, ok := s.Profiles.Get(ep.Profile); !ok && s.Directory.Broken(ep.ID) == "" {
				missing[ep.Profile]++
			}
		}
		if page.Cursor = next; next == "" {
			return nil
		}
	}
}
