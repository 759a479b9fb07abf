package filter

import (
	"fmt"
)

// Action is a parsed SQL action: assignments and removals, in order.
type Action struct {
	statements []statement
}

type statement struct {
	target name
	value  node // nil removes
}

// ParseAction reads `SET name = expression` and `REMOVE name`, separated by
// semicolons or commas.
func ParseAction(sql string, parameters map[string]any) (*Action, error) {
	p, err := newParser(sql, parameters)
	if err != nil {
		return nil, err
	}
	a := &Action{}
	for p.peek().kind != end {
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		if a.statements = append(a.statements, s); len(a.statements) > maxItems {
			return nil, fmt.Errorf("%w: more than %d statements", ErrSyntax, maxItems)
		}
		for p.symbol(";") || p.symbol(",") {
			continue
		}
	}
	return a, nil
}

func (p *parser) statement() (statement, error) {
	set := p.keyword("SET")
	if !set && !p.keyword("REMOVE") {
		return statement{}, p.unexpected(p.peek())
	}
	target, err := p.property(p.take())
	if err != nil || !set {
		return statement{target, nil}, err
	}
	if err := p.want("="); err != nil {
		return statement{}, err
	}
	value, err := p.or()
	return statement{target, value}, err
}

// Apply changes the properties. An expression without a value removes its
// target; a system property takes strings only.
func (a *Action) Apply(p *Properties) {
	for _, s := range a.statements {
		s.apply(p)
	}
}

func (s statement) apply(p *Properties) {
	var v any
	if s.value != nil {
		v = s.value.eval(*p)
	}
	values := &p.User
	if s.target.system {
		values = &p.System
		if _, ok := v.(string); !ok {
			v = nil
		}
	}
	key, _, _ := s.target.find(*p)
	if v == nil {
		delete(*values, key)
		return
	}
	if *values == nil {
		*values = map[string]any{}
	}
	(*values)[key] = v
}
