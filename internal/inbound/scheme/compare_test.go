package scheme

import (
	"crypto/sha256"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestSecretsAreComparedInOneFile: what compares in constant time stands in
// compare.go, and nothing else compares what only the sender may know.
func TestSecretsAreComparedInOneFile(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile(`(?i)^(secrets?|sigs?|signature|token|password|given|sum|want|key|mac)$`)
	read := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		read++
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			switch name, _ := strconv.Unquote(imported.Path.Value); name {
			case "bytes", "reflect", "crypto/subtle":
				t.Errorf("%s imports %s", path, name)
			case "crypto/hmac":
				if path != "compare.go" {
					t.Errorf("%s imports %s", path, name)
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			b, ok := n.(*ast.BinaryExpr)
			if !ok || b.Op != token.EQL && b.Op != token.NEQ {
				return true
			}
			for _, side := range []ast.Expr{b.X, b.Y} {
				if id, ok := side.(*ast.Ident); ok && told.MatchString(id.Name) && !empty(b.X) && !empty(b.Y) {
					t.Errorf("%s compares %s", fset.Position(b.Pos()), id.Name)
				}
			}
			return true
		})
	}
	if read < 22 {
		t.Errorf("read %d files", read)
	}
}

// empty tells whether an operand asks only whether there is anything.
func empty(e ast.Expr) bool {
	if lit, ok := e.(*ast.BasicLit); ok {
		return lit.Value == `""`
	}
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "nil"
}

func TestKnows(t *testing.T) {
	for _, c := range []struct {
		given   string
		secrets []string
		want    bool
	}{
		{"a", []string{"a"}, true},
		{"a", []string{"b", "a"}, true},
		{"", []string{"a"}, false},
		{"ab", []string{"a", "b"}, false},
		{"a", nil, false},
	} {
		if got := knows(c.given, c.secrets); got != c.want {
			t.Errorf("%q of %q: %v", c.given, c.secrets, got)
		}
	}
}

func hexMAC(secret, text string) string {
	return hex.EncodeToString(mac(sha256.New, secret, []byte(text)))
}
