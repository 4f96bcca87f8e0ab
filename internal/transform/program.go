package transform

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/itchyny/gojq"

	"github.com/peal-dev/peal/internal/peal"
)

// MaxProgram is how long a program may be, MaxOutput what it gives, in bytes.
const (
	MaxProgram = 8 << 10
	MaxOutput  = 256 << 10
)

// Check reports, as a *peal.Error for the field "jq", why a text is not a program.
func Check(program string) error {
	_, err := compile(program)
	return err
}

// compile leaves files, the environment and further inputs out of a program's reach.
func compile(program string) (*gojq.Code, error) {
	if len(program) > MaxProgram {
		return nil, peal.Invalid("jq", "a program has at most %d bytes", MaxProgram)
	}
	query, err := gojq.Parse(program)
	if err == nil {
		var code *gojq.Code
		if code, err = gojq.Compile(query); err == nil {
			return code, nil
		}
	}
	return nil, peal.Invalid("jq", "not a jq program: %s", peal.Clip(err.Error(), maxWord))
}

// maxWord is how much of a library's message is shown.
const maxWord = 200

// run runs a program in this process.
func run(program string, input []byte) ([]byte, error) {
	code, err := compile(program)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.UseNumber() // numbers that are only moved keep their spelling
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	results := code.Run(v)
	out, ok := results.Next()
	if !ok {
		return nil, errors.New("the program gives nothing")
	}
	if err, failed := out.(error); failed {
		return nil, errors.New("the program failed: " + peal.Clip(strings.TrimPrefix(err.Error(), "error: "), maxWord))
	}
	if _, more := results.Next(); more {
		return nil, errors.New("the program gives more than one value; put them in a list")
	}
	written, err := AppendValue(nil, out, MaxOutput)
	switch {
	case errors.Is(err, ErrDeep):
		return nil, errors.New("the output is nested too deep")
	case errors.Is(err, ErrLarge):
		return nil, errors.New("the output is larger than 256 KiB")
	}
	return written, err
}
