package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/peal-dev/peal/internal/egress"
)

const (
	fetchSize = 64 << 10
	fetchTime = 10 * time.Second
)

// fetch gets a small document for the schemes of hooks.
func (a *App) fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	res, err := a.egress.Do(ctx, egress.Request{Method: http.MethodGet, URL: url, MaxResponse: fetchSize})
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer was %d", res.StatusCode)
	}
	return res.Body, nil
}
