package temporal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/peal-dev/peal/internal/workflow"
)

// callTimeout bounds the call that starts a workflow.
const callTimeout = 10 * time.Second

// Start implements workflow.Temporal. The server gives the same request the run that it
// started before, whatever became of that. For another request, an id is free again
// where its run did not succeed, so that an execution that is run again starts it anew.
func (c *Connections) Start(ctx context.Context, s workflow.TemporalStart) (string, error) {
	n, err := c.to(s.Namespace)
	if err != nil {
		return "", err
	}
	req := &workflowservice.StartWorkflowExecutionRequest{
		Namespace: n.Namespace, RequestId: s.Request, Identity: identity,
		WorkflowId: s.WorkflowID, WorkflowType: &commonpb.WorkflowType{Name: s.Workflow},
		TaskQueue:                &taskqueuepb.TaskQueue{Name: s.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		WorkflowIdReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}
	if s.Input != nil {
		req.Input = &commonpb.Payloads{Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: s.Input,
		}}}
	}
	if s.Timeout > 0 {
		req.WorkflowExecutionTimeout = durationpb.New(s.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// The SDK's own call makes the request's id up.
	res, err := n.client.WorkflowService().StartWorkflowExecution(ctx, req)
	if runID, ok := startedBefore(err); ok {
		return runID, nil
	}
	if err != nil {
		return "", n.refused(err)
	}
	return res.GetRunId(), nil
}

// Wait implements workflow.Temporal.
func (c *Connections) Wait(ctx context.Context, run workflow.TemporalRun, most time.Duration) (*workflow.TemporalEnd, error) {
	n, err := c.to(run.Namespace)
	if err != nil {
		return nil, err
	}
	looking, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	handle := n.client.GetWorkflow(looking, run.WorkflowID, run.RunID)
	var value converter.RawValue
	err = handle.Get(looking, &value)
	end := &workflow.TemporalEnd{RunID: handle.GetRunID()}
	if failure, ok := failureOf(err); ok {
		end.Failure = failure
		return end, nil
	}
	switch {
	case err == nil:
		end.Result, err = result(value.Payload())
		return end, err
	case looking.Err() != nil:
		return nil, nil
	}
	return nil, n.refused(err)
}

// result is a payload as JSON. What is neither JSON nor nothing, such as an encrypted
// one, is given in base64, beside the name of its encoding.
func result(p *commonpb.Payload) (json.RawMessage, error) {
	encoding := string(p.GetMetadata()[converter.MetadataEncoding])
	switch {
	case p == nil || encoding == converter.MetadataEncodingNil:
		return json.RawMessage("null"), nil
	case strings.HasPrefix(encoding, "json/") && json.Valid(p.GetData()):
		return p.GetData(), nil
	}
	return json.Marshal(map[string]string{"encoding": encoding, "data": base64.StdEncoding.EncodeToString(p.GetData())})
}
