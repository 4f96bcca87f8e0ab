package settings

import (
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Peal tells an org what its admins do under the name that the org's profile has for it;
// most have none. The audit trail has it in any case.

// keyDeed is what was done to a key.
type keyDeed struct {
	nemo, nolxy string
	// reason and at are members of Nolxy's data.
	reason, at string
}

var (
	keyCreated = keyDeed{nemo: "admin.key.created", nolxy: "api_key.created", at: "createdAt"}
	keyRotated = keyDeed{nemo: "admin.key.rotated", nolxy: "api_key.revoked", at: "revokedAt", reason: "rotated"}
)

func keyDeleted(reason string) keyDeed {
	return keyDeed{nemo: "admin.key.deleted", nolxy: "api_key.revoked", at: "revokedAt", reason: reason}
}

// keyEvents are what an org is told of a deed to one of its keys, never the key.
func (s *Service) keyEvents(now time.Time, actor string, deed keyDeed, k peal.Key) ([]peal.Raised, error) {
	o, ok := s.Directory.Org(k.Org)
	if !ok {
		return nil, nil
	}
	data := map[string]string{}
	r := peal.Raised{Org: k.Org}
	switch o.Profile {
	case "nemo":
		r.Type = deed.nemo
		data["org_id"], data["actor"], data["key_id"], data["key_alias"] = k.Org, actor, k.ID.String(), k.Name
	case "nolxy":
		r.Type, r.Subject = deed.nolxy, k.Org
		data["keyId"], data["name"], data[deed.at] = k.ID.String(), k.Name, now.UTC().Format("2006-01-02T15:04:05.000Z")
		if deed.reason != "" {
			data["reason"] = deed.reason
		}
	default:
		return nil, nil
	}
	var err error
	r.Data, err = json.Marshal(data)
	return []peal.Raised{r}, err
}

func (s *Service) memberAdded(actor string, m *peal.Member) ([]peal.Raised, error) {
	if o, ok := s.Directory.Org(m.Org); !ok || o.Profile != "nemo" {
		return nil, nil
	}
	data, err := json.Marshal(map[string]string{"org_id": m.Org, "actor": actor, "member": m.Email, "role": string(m.Role)})
	return []peal.Raised{{Org: m.Org, Type: "admin.member.added", Data: data}}, err
}
