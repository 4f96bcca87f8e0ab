package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/peal"
)

type executionsCmd struct {
	List   listExecutionsCmd  `cmd:"" help:"List executions of workflows, newest first."`
	Get    getExecutionCmd    `cmd:"" help:"Read one execution with its steps."`
	Cancel cancelExecutionCmd `cmd:"" help:"End executions that are not finished."`
	Rerun  rerunExecutionCmd  `cmd:"" help:"Run failed or cancelled executions again, from the step that ended them on."`
}

type listExecutionsCmd struct {
	Workflow string `placeholder:"ID" help:"Only of this workflow."`
	Hook     string `placeholder:"ID" help:"Only those that this hook started."`
	Status   string `placeholder:"STATUS" help:"Only queued, running, waiting, succeeded, failed or cancelled ones."`
	Limit    int    `default:"20" placeholder:"N" help:"At most so many; 0 is all."`
	Server   remote `embed:""`
}

func (c *listExecutionsCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.Server.client().Executions(ctx, client.ExecutionFilter{Workflow: c.Workflow, Hook: c.Hook, Status: c.Status}), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.Server.format, rows,
		column[client.Execution]{"ID", func(x client.Execution) string { return x.ID }},
		column[client.Execution]{"WORKFLOW", func(x client.Execution) string { return x.WorkflowName }},
		column[client.Execution]{"VERSION", func(x client.Execution) string { return strconv.Itoa(x.WorkflowVersion) }},
		column[client.Execution]{"STATUS", func(x client.Execution) string { return x.Status }},
		column[client.Execution]{"CREATED", func(x client.Execution) string { return shortTime(x.CreatedAt) }},
		column[client.Execution]{"ERROR", func(x client.Execution) string { return peal.Clip(x.Error, 60) }},
	)
}

type getExecutionCmd struct {
	ID string `arg:"" help:"The execution's id."`
	remote
}

func (c *getExecutionCmd) Run(ctx context.Context, s Streams) error {
	x, err := c.client().Execution(ctx, c.ID)
	if err != nil {
		return err
	}
	if err := show(s.Out, c.format, x, field{"id", x.ID}, field{"workflow", x.WorkflowName}, field{"version", strconv.Itoa(x.WorkflowVersion)},
		field{"hook", x.HookID}, field{"status", x.Status}, field{"failed step", x.FailedStep}, field{"error", x.Error},
		field{"created", shortTime(x.CreatedAt)}, field{"finished", shortTime(x.FinishedAt)}, field{"due", shortTime(x.DueAt)}); err != nil || c.json() || len(x.Steps) == 0 {
		return err
	}
	fmt.Fprintln(s.Out)
	return list(s.Out, c.format, x.Steps,
		column[client.StepRun]{"STEP", func(r client.StepRun) string { return r.ID }},
		column[client.StepRun]{"USES", func(r client.StepRun) string { return r.Uses }},
		column[client.StepRun]{"STATUS", func(r client.StepRun) string { return r.Status }},
		column[client.StepRun]{"TRIES", func(r client.StepRun) string { return number(r.Attempts) }},
		column[client.StepRun]{"STARTED", func(r client.StepRun) string { return shortTime(r.StartedAt) }},
		column[client.StepRun]{"TOOK", func(r client.StepRun) string { return took(r.StartedAt, r.FinishedAt) }},
		column[client.StepRun]{"ERROR", func(r client.StepRun) string { return r.Error }},
		column[client.StepRun]{"OUTPUT", func(r client.StepRun) string { return peal.Clip(string(r.Output), 60) }},
	)
}

// took is how long something lasted, empty while it does.
func took(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return ""
	}
	return to.Sub(from).Round(time.Millisecond).String()
}

type executionArgs struct {
	IDs []string `arg:"" name:"id" help:"The executions' ids."`
	remote
}

type cancelExecutionCmd struct{ executionArgs }

func (c *cancelExecutionCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "cancelled", c.client().CancelExecution)
}

type rerunExecutionCmd struct{ executionArgs }

func (c *rerunExecutionCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "runs again", c.client().RerunExecution)
}
