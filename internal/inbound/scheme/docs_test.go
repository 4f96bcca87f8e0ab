package scheme

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// row is what the table of docs/inbound-schemes.md says of a scheme. Of what is not
// data, it holds only whether there is any.
type row struct {
	Scheme, Sender, Headers, Settings, Time string
	DeliveryID, Challenges                  bool
}

func TestDocumentedSchemes(t *testing.T) {
	file := readVectors(t)
	var want []row
	for _, s := range All(nil).Schemes() {
		r := row{Scheme: "`" + s.Name + "`", Sender: s.Provider, Headers: quoted(s.Headers)}
		var settings []string
		for _, f := range s.Fields {
			name := "`" + f.Name + "`"
			if f.Required {
				name += "*"
			}
			settings = append(settings, name)
		}
		r.Settings = strings.Join(settings, ", ")
		if s.Tolerance > 0 {
			r.Time = strings.TrimSuffix(strings.TrimSuffix(s.Tolerance.String(), "0s"), "0m")
		}
		for _, v := range file.Vectors {
			if v.Scheme == s.Name {
				r.DeliveryID = r.DeliveryID || v.Want.DeliveryID != ""
				r.Challenges = r.Challenges || v.Want.Reply != nil || v.Want.Confirm != ""
			}
		}
		want = append(want, r)
	}
	text, err := os.ReadFile("../../../docs/inbound-schemes.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []row
	_, table, _ := strings.Cut(string(text), "\n| scheme |")
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(line, "|")
		if len(cells) != 9 {
			break
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		got = append(got, row{cells[1], cells[2], cells[3], cells[4], strings.TrimSuffix(cells[5], ", in the body"), cells[6] != "", cells[7] != ""})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/inbound-schemes.md and the schemes (-code +document):\n%s", diff)
	}
}

func quoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
