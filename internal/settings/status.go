package settings

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// errUnchanged says that an edit found everything as it should be.
var errUnchanged = errors.New("settings: unchanged")

// Pause stops the sending to an endpoint, which keeps collecting. CodeConflict where
// it is disabled.
func (s *Service) Pause(ctx context.Context, actor, org string, id peal.EndpointID) (*peal.Endpoint, error) {
	return s.setStatus(ctx, actor, "endpoint.paused", org, id, peal.Paused)
}

// Resume starts the sending to a paused or disabled endpoint again.
func (s *Service) Resume(ctx context.Context, actor, org string, id peal.EndpointID) (*peal.Endpoint, error) {
	return s.setStatus(ctx, actor, "endpoint.resumed", org, id, peal.Active)
}

func (s *Service) setStatus(ctx context.Context, actor, action, org string, id peal.EndpointID, status peal.EndpointStatus) (*peal.Endpoint, error) {
	return s.change(ctx, org, id, func(now time.Time, old, ep *peal.Endpoint, w *Write) error {
		if old.Status == status {
			return errUnchanged
		}
		if err := checkStatus(old.Status, status); err != nil {
			return err
		}
		ep.Status, ep.StatusReason = status, ""
		var err error
		w.Audit, err = record(now, org, actor, action, id.String(), nil)
		return err
	})
}

// Disable turns an endpoint off because of what its receiver does, and has the org's
// other endpoints told, in one write. Disabling twice changes nothing.
func (s *Service) Disable(ctx context.Context, id peal.EndpointID, reason string) error {
	known, ok := s.Directory.Endpoint(id)
	if !ok {
		return peal.NotFound("endpoint")
	}
	_, err := s.change(ctx, known.Org, id, func(now time.Time, old, ep *peal.Endpoint, w *Write) error {
		if old.Status == peal.Disabled {
			return errUnchanged
		}
		ep.Status, ep.StatusReason = peal.Disabled, reason
		raised, err := disabledEvent(ep)
		if err != nil {
			return err
		}
		w.Raised = []peal.Raised{raised}
		w.Audit, err = record(now, ep.Org, SystemActor, "endpoint.disabled", id.String(), map[string]string{"reason": reason})
		return err
	})
	return err
}

// disabledEvent is what the org's other endpoints are told.
func disabledEvent(ep *peal.Endpoint) (peal.Raised, error) {
	data, err := json.Marshal(struct {
		ID     peal.EndpointID `json:"endpoint_id"`
		Name   string          `json:"endpoint_name,omitempty"`
		URL    string          `json:"url,omitempty"`
		Reason string          `json:"reason"`
	}{ep.ID, ep.Name, origin(ep.URL), ep.StatusReason})
	return peal.Raised{
		Org: ep.Org, Type: peal.TypeEndpointDisabled, Subject: ep.ID.String(), Severity: peal.High,
		Data: data, Exclude: ep.ID,
	}, err
}

// origin keeps scheme and host of a URL: paths and queries often hold tokens.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
