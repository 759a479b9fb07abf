package proxy

// KillAt switches on a Kill at the nth operation that the pattern takes, counted
// from now. The fault's Done is closed when the function has returned.
func (p *Proxy) KillAt(operation string, nth int, when When, kill func() error) (*Injected, error) {
	return p.Inject(Fault{On: Match{Operation: operation, Nth: nth}, Effect: Kill(when, kill)})
}

// A Step is the nth operation of a name, counted from 1: with a When, one row of
// a kill matrix.
type Step struct {
	Operation string
	Nth       int
}

// Steps returns the operations of the recording in their order, of each name at
// most the first limit, so that a role that polls does not fill the matrix.
func (r Recording) Steps(limit int) []Step {
	var steps []Step
	seen := map[string]int{}
	for _, record := range r.Records {
		name := record.Operation
		if seen[name]++; seen[name] <= limit {
			steps = append(steps, Step{Operation: name, Nth: seen[name]})
		}
	}
	return steps
}
