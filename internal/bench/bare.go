package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// bare is the loop that a server is compared with: sign and post, over and over.
// It uses net/http's client at its leanest, with one connection a worker.
type bare struct {
	target   string
	key      []byte // of the HMAC
	payload  int
	workers  int
	duration time.Duration
}

// run returns how many requests were answered 2xx and when the loop began.
func (b bare) run(ctx context.Context) (sent int64, started time.Time, err error) {
	target, err := url.Parse(b.target)
	if err != nil {
		return 0, time.Time{}, err
	}
	transport := &http.Transport{
		DialContext:         new(net.Dialer).DialContext,
		MaxIdleConnsPerHost: b.workers,
		DisableCompression:  true,
	}
	defer transport.CloseIdleConnections()

	var next atomic.Int64
	started = time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for range b.workers {
		g.Go(func() error {
			t := newTemplate(nil, body(b.payload, 1))
			for time.Since(started) < b.duration {
				seq := next.Add(1) - 1
				if seq >= maxEvents {
					next.Add(-1)
					return nil
				}
				if err := b.post(ctx, transport, target, t, seq); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = g.Wait()
	return next.Load(), started, err
}

func (b bare) post(ctx context.Context, transport *http.Transport, target *url.URL, t *template, seq int64) error {
	now := time.Now()
	t.stamp(firstSeq+seq, now.UnixNano())
	id := "evt_" + strconv.FormatInt(seq, 10)
	timestamp := strconv.FormatInt(now.Unix(), 10)

	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(t.bytes)
	signature := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))

	req := (&http.Request{
		Method: http.MethodPost, URL: target, Host: target.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type":      {"application/json"},
			"User-Agent":        {"bare"},
			"Webhook-Id":        {id},
			"Webhook-Timestamp": {timestamp},
			"Webhook-Signature": {signature},
		},
		Body:          io.NopCloser(bytes.NewReader(t.bytes)),
		ContentLength: int64(len(t.bytes)),
	}).WithContext(ctx)
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("bench: the sink answered %d", resp.StatusCode)
	}
	return err
}
