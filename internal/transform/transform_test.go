package transform

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestMain is a worker where it is started as one.
func TestMain(m *testing.M) {
	if os.Getenv("PEAL_TEST_WORKER") != "" {
		if err := Work(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	m.Run()
}

func TestRun(t *testing.T) {
	p := NewPool(func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, os.Args[0])
		cmd.Env = append(os.Environ(), "PEAL_TEST_WORKER=1")
		return cmd
	})
	defer p.Close()
	for _, c := range []struct{ program, input, want string }{
		{`{total: (.items | add)}`, `{"items":[1,2.5]}`, `{"total":3.5}`},
		{`.n`, `{"n":1.50}`, `1.50`},
		{`.big`, `{"big":12345678901234567890123}`, `12345678901234567890123`},
		{`.a`, `{"a":"ü<\n"}`, `"ü<\n"`},
		{`empty`, `{}`, `error: gives nothing`},
		{`1, 2`, `{}`, `error: more than one value`},
		{`error("no")`, `{}`, `error: the program failed: no`},
		{`.a.b`, `{"a":1}`, `error: expected an object`},
		{`env | length`, `{}`, `0`},
		{`input`, `{}`, `error: `},
		{`def f: f; f`, `{}`, `error: the program took`},
		{`reduce range(60) as $i ("x"; [., .]) | . == .`, `{}`, `error: the program took longer`},
		{`reduce range(60) as $i ("x"; [., .])`, `{}`, `error: the output is`},
		{`"x" * 300000`, `{}`, `error: the output is larger`},
		{`.ok`, `{"ok":true}`, `true`},
	} {
		got, err := p.Run(t.Context(), c.program, []byte(c.input))
		reason, fails := strings.CutPrefix(c.want, "error: ")
		if fails && (err == nil || !strings.Contains(err.Error(), reason)) || !fails && (err != nil || string(got) != c.want) {
			t.Errorf("%s: %.100s, %v; want %s", c.program, got, err, c.want)
		}
	}
	if runtime.GOOS == "linux" {
		if _, err := p.Run(t.Context(), `reduce range(40) as $i ("x"; . + .) | length`, []byte("{}")); err == nil || !strings.Contains(err.Error(), "the program took") {
			t.Errorf("a terabyte: %v", err)
		}
	}
	if err := Check(`.a |`); err == nil || !strings.Contains(err.Error(), "not a jq program") {
		t.Errorf("checked: %v", err)
	}
}
