package filter

// Correlation matches messages whose properties all equal those that it names.
// A filter that names none matches every message.
type Correlation struct {
	System map[string]string `json:",omitempty"` // keys as in Properties.System
	User   map[string]any    `json:",omitempty"`
}

// Match says whether the message has every property with its value. Values are
// compared exactly; a number matches a number of another width.
func (c Correlation) Match(p Properties) bool {
	for key, want := range c.System {
		got, _ := p.System[key].(string)
		if _, ok := p.System[key]; !ok || got != want {
			return false
		}
	}
	for key, want := range c.User {
		if got, ok := p.User[key]; !ok || equal(normal(got), normal(want)) != true {
			return false
		}
	}
	return true
}
