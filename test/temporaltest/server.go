package temporaltest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the SDK compresses
	"google.golang.org/grpc/metadata"
)

// Server is a front end with some namespaces.
type Server struct {
	workflowservice.UnimplementedWorkflowServiceServer
	Addr string

	namespaces []string

	mu      sync.Mutex
	runs    []*Run
	auth    []string
	answers func(context.Context) error
}

// Run is a workflow that was started.
type Run struct {
	*workflowservice.StartWorkflowExecutionRequest
	RunID string

	over chan struct{}
	end  *historypb.HistoryEvent
}

// Start serves until the test ends.
func Start(t testing.TB, options []grpc.ServerOption, namespaces ...string) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: listener.Addr().String(), namespaces: namespaces}
	front := grpc.NewServer(append(options, grpc.UnaryInterceptor(s.intercept))...)
	workflowservice.RegisterWorkflowServiceServer(front, s)
	served := make(chan error, 1)
	go func() { served <- front.Serve(listener) }()
	t.Cleanup(func() {
		front.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// intercept notes who calls, and gives errors the form that clients read.
func (s *Server) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	s.mu.Lock()
	s.auth = append(s.auth, headers.Get("authorization")...)
	s.mu.Unlock()
	res, err := handle(ctx, req)
	if err != nil {
		return nil, serviceerror.ToStatus(err).Err()
	}
	return res, nil
}

// Authorizations are the keys of all calls.
func (s *Server) Authorizations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.auth)
}

// Answers has something happen after a workflow was started, before that is answered.
func (s *Server) Answers(with func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = with
}

// Runs are all that were started.
func (s *Server) Runs() []*Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.runs)
}

// GetSystemInfo implements the front end.
func (s *Server) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{InternalErrorDifferentiation: true}}, nil
}

// StartWorkflowExecution implements the front end.
func (s *Server) StartWorkflowExecution(ctx context.Context, r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	if !slices.Contains(s.namespaces, r.Namespace) {
		return nil, serviceerror.NewNamespaceNotFound(r.Namespace)
	}
	if r.TaskQueue.GetName() == "" || r.WorkflowType.GetName() == "" || len(r.WorkflowId) > 1000 {
		return nil, serviceerror.NewInvalidArgument("WorkflowId length exceeds limit.")
	}
	run, err := s.start(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	answers := s.answers
	s.mu.Unlock()
	if answers != nil {
		if err := answers(ctx); err != nil {
			return nil, err
		}
	}
	return &workflowservice.StartWorkflowExecutionResponse{RunId: run.RunID, Started: true}, nil
}

// start decides as a server does: a request that made the current run gets it again, one
// that did not gets an error, unless the policy lets it begin another.
func (s *Server) start(r *workflowservice.StartWorkflowExecutionRequest) (*Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.current(r.WorkflowId); now != nil {
		failed := now.end != nil && now.end.EventType != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
		switch {
		case now.RequestId == r.RequestId:
			return now, nil
		case !failed || r.WorkflowIdReusePolicy != enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY:
			return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("Workflow execution already started.", now.RequestId, now.RunID)
		}
	}
	return s.add(r), nil
}

// current is the last run of an id, nil for none.
func (s *Server) current(id string) *Run {
	for _, run := range slices.Backward(s.runs) {
		if run.WorkflowId == id {
			return run
		}
	}
	return nil
}

func (s *Server) add(r *workflowservice.StartWorkflowExecutionRequest) *Run {
	run := &Run{
		StartWorkflowExecutionRequest: r, RunID: fmt.Sprintf("00000000-0000-0000-0000-%012d", len(s.runs)+1), over: make(chan struct{}),
	}
	s.runs = append(s.runs, run)
	return run
}

// GetWorkflowExecutionHistory implements the front end for who waits for the last event.
func (s *Server) GetWorkflowExecutionHistory(ctx context.Context, r *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	s.mu.Lock()
	i := slices.IndexFunc(s.runs, func(run *Run) bool {
		return run.Namespace == r.Namespace && run.WorkflowId == r.Execution.GetWorkflowId() && run.RunID == r.Execution.GetRunId()
	})
	if i < 0 {
		s.mu.Unlock()
		return nil, serviceerror.NewNotFound("workflow execution not found")
	}
	run := s.runs[i]
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-run.over:
	}
	return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{run.end}}}, nil
}

// End ends the current run of an id with its last event.
func (s *Server) End(t testing.TB, id string, event *historypb.HistoryEvent) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	run := s.current(id)
	if run == nil || run.end != nil {
		t.Fatalf("no workflow %s is running", id)
	}
	run.end = event
	close(run.over)
}

// Complete ends a run with a result, which is JSON.
func (s *Server) Complete(t testing.TB, id, result string) {
	t.Helper()
	s.CompleteEncoded(t, id, "json/plain", []byte(result))
}

// CompleteEncoded ends a run with a result of some encoding.
func (s *Server) CompleteEncoded(t testing.TB, id, encoding string, result []byte) {
	t.Helper()
	s.End(t, id, &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{
			WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{Result: &commonpb.Payloads{
				Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte(encoding)}, Data: result}},
			}},
		},
	})
}

// Fail ends a run as an error that its code returns does.
func (s *Server) Fail(t testing.TB, id, message string) {
	t.Helper()
	s.End(t, id, &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{
			WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: &failurepb.Failure{
				Message:     message,
				FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "Refused"}},
			}},
		},
	})
}

// Continue has a run go on as a new one.
func (s *Server) Continue(t testing.TB, id string) {
	t.Helper()
	s.mu.Lock()
	old := s.current(id)
	if old == nil {
		s.mu.Unlock()
		t.Fatalf("no workflow %s is running", id)
	}
	run := s.add(&workflowservice.StartWorkflowExecutionRequest{Namespace: old.Namespace, WorkflowId: id, RequestId: "continued"})
	old.end = &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
			WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{NewExecutionRunId: run.RunID},
		},
	}
	close(old.over)
	s.mu.Unlock()
}
