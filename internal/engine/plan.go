package engine

// plan is what the configuration says of trunks and numbers. It is replaced as a
// whole and never changed: a call looks at the plan that holds when it asks.
type plan struct {
	trunks []TrunkNumbers
	routes []Route
}

// trunks are the trunks as they are configured now.
func (e *Engine) trunks() []TrunkNumbers { return e.plan.Load().trunks }

// Reload replaces trunks and routes. Calls that run go on as they began; what they
// ask for from now on goes by the new ones. From any goroutine.
func (e *Engine) Reload(trunks []TrunkNumbers, routes []Route) {
	e.plan.Store(&plan{trunks: trunks, routes: routes})
}
