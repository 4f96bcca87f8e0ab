package store

import (
	"encoding/json"

	"github.com/peal-dev/peal/internal/peal"
)

// AddRaised stores events that Peal itself reports, with the change that they report.
func AddRaised(tx *Tx, raised []peal.Raised) error {
	for i := range raised {
		doc, err := json.Marshal(&raised[i])
		if err != nil {
			return err
		}
		if err := tx.Send("INSERT INTO raised (doc) VALUES (?)", string(doc)); err != nil {
			return err
		}
	}
	return nil
}
