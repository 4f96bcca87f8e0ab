package channel

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentation wants a section for each kind, with a command to make one and each
// field in its table.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/channels/README.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(string(text), "\n## ")[1:] {
		title, body, _ := strings.Cut(s, "\n")
		sections[strings.ToLower(title)] = body
	}
	for _, c := range All(nil).list {
		body, ok := sections[c.Kind()]
		if !ok || !strings.Contains(body, `"type": "`+c.Kind()+`"`) {
			t.Errorf("docs/channels/README.md has no section of %s with a command", c.Kind())
			continue
		}
		for _, f := range c.Fields() {
			if !regexp.MustCompile("(?m)^\\| [^|]*`" + f.Name + "`").MatchString(body) {
				t.Errorf("the section of %s does not name %s", c.Kind(), f.Name)
			}
		}
	}
}
