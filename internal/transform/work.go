package transform

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/peal-dev/peal/internal/peal"
)

// request is a line to a worker, reply the line that it answers.
type request struct {
	Program string          `json:"program"`
	Input   json.RawMessage `json:"input"`
}

type reply struct {
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// maxLine bounds a line: an input with what stands around it.
const maxLine = 8 << 20

// ready is the first line of a worker.
const ready = "ready\n"

// Work is a worker: it limits its own memory, and runs one program a line until in ends.
func Work(in io.Reader, out io.Writer) error {
	if err := limitMemory(); err != nil {
		return fmt.Errorf("transform: the memory cannot be limited: %w", err)
	}
	if _, err := io.WriteString(out, ready); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	answers := json.NewEncoder(out)
	answers.SetEscapeHTML(false)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		var a reply
		output, err := run(r.Program, r.Input)
		if a.Output = output; err != nil {
			a = reply{Error: messageOf(err)}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

func messageOf(err error) string {
	var known *peal.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return err.Error()
}
