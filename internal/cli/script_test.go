package cli_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/peal-dev/peal/internal/cli"
	"github.com/peal-dev/peal/internal/receiver"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"peal": func() {
			os.Exit(cli.Main(context.Background(), "v1.2.3", os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// TestScripts runs the program itself, in processes of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":      ready,
			"arrived":    arrived,
			"held":       held,
			"eventually": eventually,
			"capture":    capture,
			"post":       post,
		},
	})
}

const patience = 30 * time.Second

type arrivals chan receiver.Arrival

// setUp gives each script a free address for a server, and a receiver.
func setUp(env *testscript.Env) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	l.Close()
	got := make(arrivals, 100)
	r, err := receiver.Start(context.Background(), func(a receiver.Arrival) { got <- a })
	if err != nil {
		return err
	}
	env.Defer(func() { r.Close() })
	url, secret := r.Add("hook", "standard")
	env.Values[arrivals(nil)] = got
	hang, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { hang.Close() })
	env.Values[hanging{}] = hang
	env.Setenv("HANG", "http://"+hang.Addr().String())
	env.Setenv("ADDR", addr)
	env.Setenv("HOOK", url)
	env.Setenv("HOOK_SECRET", secret)
	return nil
}

// ready waits until the server at $ADDR takes traffic.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	within(ts, func() bool {
		resp, err := http.Get("http://" + ts.Getenv("ADDR") + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// arrived waits for the next delivery; its signature must hold, its body match.
func arrived(ts *testscript.TestScript, _ bool, args []string) {
	select {
	case a := <-ts.Value(arrivals(nil)).(arrivals):
		ts.Check(a.Err)
		if !regexp.MustCompile(args[0]).Match(a.Body) {
			ts.Fatalf("%s does not match %s", a.Body, args[0])
		}
	case <-time.After(patience):
		ts.Fatalf("nothing arrived")
	}
}

type hanging struct{}

// held waits until the next connection to $HANG is there, and never answers it.
func held(ts *testscript.TestScript, _ bool, _ []string) {
	l := ts.Value(hanging{}).(*net.TCPListener)
	ts.Check(l.SetDeadline(time.Now().Add(patience)))
	conn, err := l.Accept()
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
}

// eventually runs a command until its output matches.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	want := regexp.MustCompile(args[0])
	within(ts, func() bool {
		ts.Check(ts.Exec(args[1], args[2:]...))
		return want.MatchString(ts.ReadFile("stdout"))
	})
}

// capture puts what the group of a pattern matched in the last output into the
// environment.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("nothing matches %s", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// post sends a file to a path of the server, as a gateway does.
func post(ts *testscript.TestScript, _ bool, args []string) {
	req, err := http.NewRequest(http.MethodPost, ts.Getenv("PEAL_URL")+args[0], strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("PEAL_KEY"))
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		ts.Fatalf("%s was answered %s", args[0], resp.Status)
	}
}

func within(ts *testscript.TestScript, ok func() bool) {
	for end := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("did not happen within %s", patience)
		}
	}
}
