package temporal

import (
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"

	"github.com/peal-dev/peal/internal/peal"
)

// refused is what a failed call means to whoever wrote the workflow. The address and
// state of the connection are the operator's to know, in the log.
func (n *connection) refused(err error) error {
	code, said := codes.Unavailable, ""
	var known serviceerror.ServiceError
	if errors.As(err, &known) {
		code, said = known.Status().Code(), peal.Clip(known.Status().Message(), 300)
	}
	switch code {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange, codes.AlreadyExists:
		return peal.Wrap(peal.CodeInvalid, err, "Temporal refuses it: "+said)
	case codes.Canceled:
		return peal.Wrap(peal.CodeUnavailable, err, "the call to Temporal was cut off")
	case codes.NotFound:
		return peal.Wrap(peal.CodeNotFound, err, "Temporal does not find it: "+said)
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		n.tell(err)
		return peal.Wrap(peal.CodeForbidden, err, "Temporal does not let this server do it")
	}
	n.tell(err)
	return peal.Wrap(peal.CodeUnavailable, err, "the Temporal server cannot be reached or is overloaded")
}

// tell lets the operator know, once a minute, since every step may meet the same.
func (n *connection) tell(err error) {
	n.told.Do(func() { n.log.Warn("a Temporal server cannot be used", "error", err) })
}

// startedBefore gives the run that has the id already.
func startedBefore(err error) (runID string, ok bool) {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &started) {
		return "", false
	}
	return started.RunId, true
}

// failureOf is how a workflow ended that did not succeed; false where the error is
// another.
func failureOf(err error) (string, bool) {
	var (
		ended      *temporal.WorkflowExecutionError
		app        *temporal.ApplicationError
		activity   *temporal.ActivityError
		child      *temporal.ChildWorkflowExecutionError
		timeout    *temporal.TimeoutError
		cancelled  *temporal.CanceledError
		terminated *temporal.TerminatedError
	)
	switch {
	case !errors.As(err, &ended):
		return "", false
	case errors.As(err, &app):
		return "the workflow failed: " + app.Message(), true
	case errors.As(err, &activity), errors.As(err, &child):
		return "the workflow failed: " + errors.Unwrap(ended).Error(), true
	case errors.As(err, &timeout):
		return "the workflow timed out", true
	case errors.As(err, &cancelled):
		return "the workflow was cancelled", true
	case errors.As(err, &terminated):
		return "the workflow was terminated", true
	}
	return "the workflow failed: " + errors.Unwrap(ended).Error(), true
}
