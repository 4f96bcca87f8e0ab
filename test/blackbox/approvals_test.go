package blackbox

import (
	"fmt"
	"strings"
	"testing"
)

// A workflow waits for what a person says: a yes is its output, anything else its error,
// whether it was said before the step began or while it waited.
func TestWorkflowWaitsForAnApproval(t *testing.T) {
	t.Parallel()
	c := sharedOrg(t)
	c.Call(t, 201, "POST", "/v1/rules", object{"kind": "approval", "threshold": "10.00"})
	w := c.Call(t, 201, "POST", "/v1/workflows", object{"name": "Ask", "steps": []any{
		object{"id": "ask", "uses": "wait", "with": object{"approval": "{{ webhook.body.approval }}", "for": "{{ webhook.body.within }}"}},
		object{"id": "note", "uses": "transform", "with": object{"jq": ".decided_by", "input": "{{ steps.ask.output }}"}},
	}})
	path := hookFor(t, c, "workflow", text(w, "id"))
	asked := func() string {
		return text(c.Call(t, 200, "POST", "/v1/reservations", object{"model": "m", "estimated_cost": "12.5"}), "approval_id")
	}
	start := func(approval, within string) string {
		return text(c.Call(t, 202, "POST", path, object{"approval": approval, "within": within}), "executionId")
	}
	decide := func(approval, decision string) {
		c.Call(t, 200, "POST", "/v1/approvals/"+approval+"/"+decision, object{"by": "ada"})
	}

	id := asked()
	waits := start(id, "1h")
	execution(t, c, waits, "waiting")
	decide(id, "approve")
	late := start(strings.Replace(id, "apr_", "res_", 1), "1h") // by its other name, and decided before
	for _, x := range []string{waits, late} {
		steps := list(execution(t, c, x, "succeeded"), "steps")
		if got := steps[0]["output"].(object); text(got, "id") != id || text(got, "status") != "approved" || fmt.Sprint(steps[1]["output"]) != "ada" {
			t.Errorf("the steps are %v", steps)
		}
	}

	denied := asked()
	waits = start(denied, "1h")
	execution(t, c, waits, "waiting")
	decide(denied, "deny")
	for x, want := range map[string]string{
		waits:                   denied + " is not granted: it is denied",
		start(asked(), "100ms"): "was not decided until",
		start("apr_01h455vb4pex5vsknk084sn02q", "1h"): "approval not found",
		start("nonsense", "1h"):                       "approval not found",
	} {
		if got := execution(t, c, x, "failed"); !strings.Contains(text(got, "error"), want) {
			t.Errorf("the execution says %q, want %q", text(got, "error"), want)
		}
	}

	other := sharedOrg(t)
	other.Call(t, 201, "POST", "/v1/rules", object{"kind": "approval", "threshold": "10.00"})
	foreign := text(other.Call(t, 200, "POST", "/v1/reservations", object{"model": "m", "estimated_cost": "12.5"}), "approval_id")
	if got := execution(t, c, start(foreign, "1h"), "failed"); !strings.Contains(text(got, "error"), "approval not found") {
		t.Errorf("another org's approval: %v", got)
	}
}
