package cli

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/peal-dev/peal/client"
)

type tasksCmd struct {
	List     listTasksCmd    `cmd:"" help:"List tasks, newest first."`
	Get      getTaskCmd      `cmd:"" aliases:"show" help:"Read one task."`
	Complete completeTaskCmd `cmd:"" help:"Complete a task; steps that wait for it go on."`
}

type listTasksCmd struct {
	Assignee string `placeholder:"ID" help:"Only those of this user or agent."`
	Status   string `placeholder:"STATUS" help:"Only OPEN, ASSIGNED, COMPLETED or CANCELLED ones."`
	Request  string `placeholder:"ID" help:"Only those for this request."`
	Limit    int    `default:"20" placeholder:"N" help:"At most so many; 0 is all."`
	Server   remote `embed:""`
}

func (c *listTasksCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.Server.client().Tasks(ctx, client.TaskFilter{
		Assignee: c.Assignee, Status: strings.ToUpper(c.Status), Request: c.Request,
	}), c.Limit)
	if err != nil {
		return err
	}
	return list(s.Out, c.Server.format, rows,
		column[client.Task]{"ID", func(t client.Task) string { return t.ID }},
		column[client.Task]{"TITLE", func(t client.Task) string { return t.Title }},
		column[client.Task]{"STATUS", func(t client.Task) string { return t.Status }},
		column[client.Task]{"ASSIGNEE", assignee},
		column[client.Task]{"REQUEST", func(t client.Task) string { return t.Request }},
		column[client.Task]{"CREATED", func(t client.Task) string { return shortTime(t.CreatedAt) }},
	)
}

func assignee(t client.Task) string {
	if t.Assignee == nil {
		return ""
	}
	return t.Assignee.Kind + " " + t.Assignee.ID
}

type getTaskCmd struct {
	ID string `arg:"" help:"The task's id."`
	remote
}

func (c *getTaskCmd) Run(ctx context.Context, s Streams) error {
	t, err := c.client().Task(ctx, c.ID)
	if err != nil {
		return err
	}
	return printTask(s, c.format, t)
}

type completeTaskCmd struct {
	ID     string `arg:"" help:"The task's id."`
	Result string `placeholder:"JSON" help:"What came of it: JSON, @FILE, or - for standard input."`
	Server remote `embed:""`
}

func (c *completeTaskCmd) Run(ctx context.Context, s Streams) error {
	var output json.RawMessage
	if c.Result != "" {
		doc, err := readArgument(s, c.Result)
		if err != nil {
			return err
		}
		if !json.Valid(doc) {
			return usage("--result: not JSON")
		}
		output = doc
	}
	t, err := c.Server.client().CompleteTask(ctx, c.ID, output)
	if err != nil {
		return err
	}
	return printTask(s, c.Server.format, t)
}

func printTask(s Streams, f format, t client.Task) error {
	shown := func(doc json.RawMessage) string {
		if string(doc) == "null" {
			return ""
		}
		return string(doc)
	}
	return show(s.Out, f, t,
		field{"id", t.ID}, field{"title", t.Title}, field{"description", t.Description}, field{"status", t.Status}, field{"assignee", assignee(t)},
		field{"request", t.Request}, field{"execution", t.ExecutionID}, field{"step", t.Step}, field{"created", shortTime(t.CreatedAt)},
		field{"finished", shortTime(t.FinishedAt)}, field{"data", shown(t.Data)}, field{"output", shown(t.Output)},
	)
}
