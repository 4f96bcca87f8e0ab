package definition

import "testing"

func TestSmoke(t *testing.T) {
	kinds := []*Spec{{Name: "http", Fields: []Field{{Name: "url", Type: Text, Required: true}, {Name: "body", Type: Any}}}, {Name: "parallel", Branches: true, Fields: []Field{{Name: "branches", Type: Branches, Required: true}}}}
	for _, text := range []string{
		"name: x\nsteps:\n  - id: a\n    uses: http\n    if: webhook.body.event == 'x'\n    with:\n      url: \"https://x/{{ webhook.body.event | upper }}\"\n      body: {a: \"{{ webhook.body }}\", n: 1.50}\n",
		"{\n\t\"steps\": [\n\t\t{\"id\":\"a\",\"uses\":\"http\",\"with\":{\"url\":\"{{ webhook.headers.content-type }}\"}}, {\"id\":\"p\",\"uses\":\"parallel\",\"with\":{\"branches\":[[{\"id\":\"b\",\"uses\":\"http\",\"with\":{\"url\":\"{{ steps.a.output.x }}\"}}]]}}]}",
		"name: x\nsteps:\n  - id: a\n    uses: httq\n",
		"steps:\n  - id: a\n    uses: http\n    with:\n      url: \"{{ webhok.body }}\"\n",
		"steps:\n  - id: a\n    uses: http\n    if: \"steps.a.output ==\"\n    with:\n      url: \"{{ webhook.body }}\"\n",
		"steps:\n  - id: a\n    uses: http\n    with:\n      url: \"{{ steps.b.output }}\"\n",
		"steps: [\n", "{\"steps\": [}", "- a: &x [1]\n  b: *x\n", "a: b: c", "steps: []", "", "{}", "x: {a: 1, a: 2}\nx: 1",
	} {
		d, err := Parse(text, kinds)
		t.Log(err)
		if err == nil {
			t.Logf("%s", d.Source.JSON())
		}
	}
}
