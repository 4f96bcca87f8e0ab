package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// wire is a keep-alive HTTP/1.1 connection that sends finished bytes. It does the
// least that works, since the load generator shares the server's processors.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
	// keep makes it keep the bodies of successes, too.
	keep bool
}

// answer is what the generator wants to know of a response.
type answer struct {
	status     int
	retryAfter time.Duration
	body       []byte // its start
}

func dialWire(ctx context.Context, addr string) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, r: bufio.NewReaderSize(conn, 16<<10)}, nil
}

func (w *wire) roundTrip(request []byte) (answer, error) {
	if _, err := w.conn.Write(request); err != nil {
		return answer{}, err
	}
	return w.read()
}

var errHTTP = errors.New("bench: the server's answer is not HTTP/1.1")

func (w *wire) read() (answer, error) {
	line, err := w.line()
	if err != nil {
		return answer{}, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return answer{}, errHTTP
	}
	var a answer
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return answer{}, errHTTP
	}
	length, chunked := 0, false
	for {
		if line, err = w.line(); err != nil {
			return answer{}, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return answer{}, errHTTP
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = true
		case bytes.EqualFold(name, []byte("Retry-After")):
			if s, err := strconv.Atoi(string(value)); err == nil {
				a.retryAfter = time.Duration(s) * time.Second
			}
		}
	}
	a.body, err = w.readBody(length, chunked, a.status)
	return a, err
}

// keptBody is how much of a body is kept.
const keptBody = 1024

// readBody consumes the body; unless told otherwise, only that of a failure is kept.
func (w *wire) readBody(length int, chunked bool, status int) ([]byte, error) {
	if !chunked && status < 300 && !w.keep {
		_, err := w.r.Discard(length)
		return nil, err
	}
	body := io.Reader(io.LimitReader(w.r, int64(length)))
	if chunked {
		body = httputil.NewChunkedReader(w.r)
	}
	kept, err := io.ReadAll(io.LimitReader(body, keptBody))
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return nil, err
	}
	if chunked { // the empty trailer
		if _, err := w.line(); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func (w *wire) line() ([]byte, error) {
	line, err := w.r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("bench: read answer: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
