package filter

import "fmt"

// maxDepth bounds how deep parentheses and NOT may go.
const maxDepth = 64

// Parse reads a filter. Errors say at which byte it goes wrong and what was
// expected.
func Parse(text string) (Filter, error) {
	tokens, err := scan(text)
	if err != nil {
		return Filter{}, err
	}
	p := &parser{tokens: tokens}
	if p.peek().kind == end {
		return Filter{}, nil
	}
	root, err := p.expression(0)
	if err != nil {
		return Filter{}, err
	}
	if t := p.peek(); t.kind != end {
		return Filter{}, t.unexpected("the end, AND or OR")
	}
	return Filter{root}, nil
}

type parser struct {
	tokens []token // the last one is end
	at     int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

func (p *parser) is(text string) bool {
	t := p.peek()
	return t.kind != literal && t.text == text
}

func (p *parser) expect(text string) error {
	if !p.is(text) {
		return p.peek().unexpected(fmt.Sprintf("%q", text))
	}
	p.next()
	return nil
}

// expression is a term, or terms joined by one operator.
func (p *parser) expression(depth int) (node, error) {
	first, err := p.term(depth)
	if err != nil {
		return nil, err
	}
	operator := ""
	terms := []node{first}
	for p.is("AND") || p.is("OR") {
		t := p.next()
		if operator != "" && t.text != operator {
			return nil, fmt.Errorf("byte %d: AND and OR cannot be mixed without parentheses", t.offset)
		}
		operator = t.text
		term, err := p.term(depth)
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	switch operator {
	case "AND":
		return and(terms), nil
	case "OR":
		return or(terms), nil
	}
	return first, nil
}

func (p *parser) term(depth int) (node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("byte %d: nested deeper than %d", p.peek().offset, maxDepth)
	}
	switch {
	case p.is("NOT"), p.is("-"):
		p.next()
		of, err := p.term(depth + 1)
		if err != nil {
			return nil, err
		}
		return not{of}, nil
	case p.is("("):
		p.next()
		inner, err := p.expression(depth + 1)
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case p.is("hasPrefix"):
		return p.prefix()
	}
	return p.comparison()
}

// prefix is hasPrefix(attributes.key, "value").
func (p *parser) prefix() (node, error) {
	p.next()
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if err := p.attribute("."); err != nil {
		return nil, err
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	value, err := p.value()
	if err != nil {
		return nil, err
	}
	return hasPrefix{key, value}, p.expect(")")
}

// comparison is attributes:key, or attributes.key with = or != and a value.
func (p *parser) comparison() (node, error) {
	if err := p.expect("attributes"); err != nil {
		return nil, err
	}
	if p.is(":") {
		p.next()
		key, err := p.key()
		return has{key}, err
	}
	if err := p.expect("."); err != nil {
		return nil, err
	}
	key, err := p.key()
	if err != nil {
		return nil, err
	}
	operator := p.next()
	if operator.text != "=" && operator.text != "!=" {
		return nil, operator.unexpected(`"=" or "!="`)
	}
	value, err := p.value()
	if operator.text == "!=" {
		return not{equals{key, value}}, err
	}
	return equals{key, value}, err
}

func (p *parser) attribute(separator string) error {
	if err := p.expect("attributes"); err != nil {
		return err
	}
	return p.expect(separator)
}

func (p *parser) key() (string, error) {
	t := p.next()
	if t.kind != word && t.kind != literal {
		return "", t.unexpected("an attribute key")
	}
	return t.text, nil
}

func (p *parser) value() (string, error) {
	t := p.next()
	if t.kind != literal {
		return "", t.unexpected("a string in quotation marks")
	}
	return t.text, nil
}
