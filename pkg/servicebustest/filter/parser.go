package filter

import (
	"fmt"
	"strconv"
	"strings"
)

// Condition is a parsed SQL condition.
type Condition struct {
	root node
}

// ParseCondition reads a condition. Parameters are the values of @names and may
// be nil.
func ParseCondition(sql string, parameters map[string]any) (*Condition, error) {
	p, err := newParser(sql, parameters)
	if err != nil {
		return nil, err
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.unexpected(t)
	}
	return &Condition{root: root}, nil
}

// Match says whether the condition is TRUE for a message.
func (c *Condition) Match(p Properties) bool { return c.root.eval(p) == true }

type parser struct {
	tokens     []token
	at         int
	depth      int
	parameters map[string]any
}

func newParser(sql string, parameters map[string]any) (*parser, error) {
	tokens, err := scan(sql)
	return &parser{tokens: tokens, parameters: parameters}, err
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) take() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

func (p *parser) keyword(s string) bool {
	if p.peek().is(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) symbol(s string) bool {
	if p.peek().symbol(s) {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(s string) error {
	if !p.symbol(s) {
		return fmt.Errorf("%w: want %q, have %q at byte %d", ErrSyntax, s, p.peek().text, p.peek().at)
	}
	return nil
}

func (p *parser) unexpected(t token) error {
	if t.kind == end {
		return fmt.Errorf("%w: ends too early", ErrSyntax)
	}
	return fmt.Errorf("%w: unexpected %q at byte %d", ErrSyntax, t.text, t.at)
}

// enter bounds recursion; leave undoes it.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("%w: nested more than %d deep", ErrSyntax, maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

func (p *parser) or() (node, error) { return p.chain("OR", p.and) }

func (p *parser) and() (node, error) { return p.chain("AND", p.not) }

// chain reads operands between one keyword.
func (p *parser) chain(keyword string, operand func() (node, error)) (node, error) {
	left, err := operand()
	for err == nil && p.keyword(keyword) {
		var right node
		if right, err = operand(); err == nil {
			left = logical{keyword == "AND", left, right}
		}
	}
	return left, err
}

func (p *parser) not() (node, error) {
	if !p.keyword("NOT") {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.not()
	return not{x}, err
}

func (p *parser) comparison() (node, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	switch t := p.peek(); {
	case t.kind == symbol && strings.ContainsAny(t.text, "=<>"):
		p.at++
		right, err := p.sum()
		return comparison{t.text, left, right}, err
	case t.is("IS"):
		p.at++
		return p.isNull(left)
	case t.is("NOT"):
		p.at++
		x, err := p.membership(left)
		return not{x}, err
	case t.is("IN"), t.is("LIKE"):
		return p.membership(left)
	}
	return left, nil
}

func (p *parser) isNull(x node) (node, error) {
	negated := p.keyword("NOT")
	if !p.keyword("NULL") {
		return nil, p.unexpected(p.peek())
	}
	return isNull{x, negated}, nil
}

func (p *parser) membership(x node) (node, error) {
	switch {
	case p.keyword("IN"):
		return p.in(x)
	case p.keyword("LIKE"):
		return p.like(x)
	}
	return nil, p.unexpected(p.peek())
}

func (p *parser) in(x node) (node, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	set := in{x: x}
	for {
		v, err := p.sum()
		if err != nil {
			return nil, err
		}
		if set.values = append(set.values, v); len(set.values) > maxItems {
			return nil, fmt.Errorf("%w: IN with more than %d values", ErrSyntax, maxItems)
		}
		if !p.symbol(",") {
			return set, p.want(")")
		}
	}
}

func (p *parser) like(x node) (node, error) {
	pattern, err := p.sum()
	if err != nil || !p.keyword("ESCAPE") {
		return like{x, pattern, nil}, err
	}
	escape, err := p.sum()
	return like{x, pattern, escape}, err
}

func (p *parser) sum() (node, error) { return p.arithmetic("+-", p.product) }

func (p *parser) product() (node, error) { return p.arithmetic("*/%", p.unary) }

func (p *parser) arithmetic(operators string, operand func() (node, error)) (node, error) {
	left, err := operand()
	for err == nil && p.peek().kind == symbol && strings.Contains(operators, p.peek().text) {
		op := p.take().text
		var right node
		right, err = operand()
		left = arithmetic{op[0], left, right}
	}
	return left, err
}

func (p *parser) unary() (node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	switch {
	case p.symbol("-"):
		x, err := p.unary()
		return arithmetic{'-', constant{int64(0)}, x}, err
	case p.symbol("+"):
		return p.unary()
	case p.symbol("("):
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		return x, p.want(")")
	}
	return p.primary()
}

func (p *parser) primary() (node, error) {
	switch t := p.take(); t.kind {
	case text:
		return constant{t.text}, nil
	case number:
		return parseNumber(t)
	case parameter:
		v, ok := p.parameters["@"+t.text]
		if !ok {
			return nil, fmt.Errorf("%w: parameter @%s has no value", ErrSyntax, t.text)
		}
		return constant{normal(v)}, nil
	case word, quotedName:
		return p.named(t)
	default:
		return nil, p.unexpected(t)
	}
}

// named reads a keyword that is a value, EXISTS, or a property.
func (p *parser) named(t token) (node, error) {
	switch {
	case t.is("TRUE"), t.is("FALSE"):
		return constant{t.is("TRUE")}, nil
	case t.is("NULL"):
		return constant{nil}, nil
	case t.is("EXISTS"):
		return p.exists()
	case t.is("AND"), t.is("OR"), t.is("NOT"), t.is("IN"), t.is("LIKE"), t.is("IS"), t.is("ESCAPE"):
		return nil, p.unexpected(t)
	}
	n, err := p.property(t)
	return property{n}, err
}

func (p *parser) exists() (node, error) {
	if err := p.want("("); err != nil {
		return nil, err
	}
	n, err := p.property(p.take())
	if err != nil {
		return nil, err
	}
	return exists{n}, p.want(")")
}

// property reads [scope.]name; t is its first token.
func (p *parser) property(t token) (name, error) {
	if t.kind != word && t.kind != quotedName {
		return name{}, p.unexpected(t)
	}
	if !p.symbol(".") {
		return newName("", t.text)
	}
	second := p.take()
	if second.kind != word && second.kind != quotedName {
		return name{}, p.unexpected(second)
	}
	return newName(t.text, second.text)
}

func parseNumber(t token) (node, error) {
	if i, err := strconv.ParseInt(t.text, 0, 64); err == nil {
		return constant{i}, nil
	}
	f, err := strconv.ParseFloat(t.text, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %q at byte %d is no number", ErrSyntax, t.text, t.at)
	}
	return constant{f}, nil
}
