package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/peal-dev/peal/client"
)

type workflowsCmd struct {
	List   listWorkflowsCmd  `cmd:"" help:"List workflows."`
	Get    getWorkflowCmd    `cmd:"" help:"Print a workflow's definition as it was given."`
	Create createWorkflowCmd `cmd:"" help:"Create a workflow from a file, YAML or JSON."`
	Update updateWorkflowCmd `cmd:"" help:"Make the next version of a workflow from a file."`
	Delete deleteWorkflowCmd `cmd:"" help:"Delete workflows that no hook starts."`
}

type listWorkflowsCmd struct{ remote }

func (c *listWorkflowsCmd) Run(ctx context.Context, s Streams) error {
	rows, err := take(c.client().Workflows(ctx), 0)
	if err != nil {
		return err
	}
	return list(s.Out, c.format, rows,
		column[client.Workflow]{"ID", func(w client.Workflow) string { return w.ID }},
		column[client.Workflow]{"NAME", func(w client.Workflow) string { return w.Name }},
		column[client.Workflow]{"VERSION", func(w client.Workflow) string { return strconv.Itoa(w.Version) }},
		column[client.Workflow]{"UPDATED", func(w client.Workflow) string { return shortTime(w.UpdatedAt) }},
	)
}

type getWorkflowCmd struct {
	ID string `arg:"" help:"The workflow's id."`
	remote
}

func (c *getWorkflowCmd) Run(ctx context.Context, s Streams) error {
	w, err := c.client().Workflow(ctx, c.ID)
	if err != nil || c.json() {
		if err == nil {
			err = writeJSON(s.Out, w)
		}
		return err
	}
	_, err = fmt.Fprintln(s.Out, w.Definition)
	return err
}

// workflowFile is a definition on the command line.
type workflowFile struct {
	File string `arg:"" help:"The file with the definition, or - for standard input."`
	Name string `placeholder:"TEXT" help:"A name for people; the one in the file without it."`
}

func (f *workflowFile) read(s Streams) (string, error) {
	if f.File == "-" {
		b, err := readArgument(s, "-")
		return string(b), err
	}
	b, err := os.ReadFile(f.File)
	return string(b), err
}

type createWorkflowCmd struct {
	workflowFile
	Server remote `embed:""`
}

func (c *createWorkflowCmd) Run(ctx context.Context, s Streams) error {
	text, err := c.read(s)
	if err != nil {
		return err
	}
	w, err := c.Server.client().CreateWorkflow(ctx, c.Name, text)
	return printWorkflow(s, c.Server.format, w, err)
}

type updateWorkflowCmd struct {
	ID string `arg:"" help:"The workflow's id."`
	workflowFile
	Server remote `embed:""`
}

func (c *updateWorkflowCmd) Run(ctx context.Context, s Streams) error {
	text, err := c.read(s)
	if err != nil {
		return err
	}
	w, err := c.Server.client().PutWorkflow(ctx, c.ID, c.Name, text)
	return printWorkflow(s, c.Server.format, w, err)
}

func printWorkflow(s Streams, f format, w client.Workflow, err error) error {
	if err != nil {
		return err
	}
	return show(s.Out, f, w, field{"id", w.ID}, field{"name", w.Name}, field{"version", strconv.Itoa(w.Version)}, field{"updated", shortTime(w.UpdatedAt)})
}

type deleteWorkflowCmd struct {
	IDs []string `arg:"" name:"id" help:"The workflows' ids."`
	remote
}

func (c *deleteWorkflowCmd) Run(ctx context.Context, s Streams) error {
	return each(ctx, s, c.format, c.IDs, "deleted", deleting(c.client().DeleteWorkflow))
}
