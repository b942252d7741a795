package engine

import (
	"errors"

	"zvonar/internal/calls"
)

// alone is a node that shares its store with nobody.
type alone struct{}

// Node implements calls.Nodes.
func (alone) Node() (name string, fence int64) { return "", 0 }

// Held implements calls.Nodes.
func (alone) Held() error { return nil }

// Fenced implements calls.Nodes.
func (alone) Fenced() <-chan struct{} { return nil }

// Lead implements calls.Nodes.
func (alone) Lead(string) (leads bool, changed <-chan struct{}) { return true, nil }

// OnTaken implements calls.Nodes.
func (alone) OnTaken(func(string, []*calls.Call)) {}

// held asks, right before somebody would be rung, whether the call is still
// ours. A process that was stopped between the commit and here may have been
// taken over: then the call was ended by another node, and must not ring.
func (s *session) held() bool {
	err := s.e.nodes.Held()
	if err != nil {
		s.log.Warn("nobody is rung", "err", err)
	}
	return err == nil
}

// lost reports that another process owns the call by now, for good.
func (s *session) lost() bool { return errors.Is(s.e.nodes.Held(), calls.ErrFenced) }

// lose ends a call that is no longer this node's. Nobody was rung.
func (s *session) lose() {
	s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonNodeLost}, calls.ByZvonar)
}

// elsewhere refuses to end a call that another node runs.
func (e *Engine) elsewhere(c *calls.Call) *calls.Error {
	node, _ := e.nodes.Node()
	if node == "" || c.Node == "" || c.Node == node {
		return nil
	}
	err := calls.Errorf(calls.CodeWrongState, "the call is run by node %s; send the request there", c.Node)
	err.Extra = map[string]any{"node": c.Node}
	return err
}
