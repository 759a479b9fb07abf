package filter

import "math"

// node is a part of a condition. Its value is nil (unknown), bool, string,
// int64, float64, or a value of another type that only equals itself.
type node interface {
	eval(p Properties) any
}

type (
	constant struct{ v any }
	property struct{ name name }
	exists   struct{ name name }
	not      struct{ x node }
	isNull   struct {
		x       node
		negated bool
	}
	logical struct {
		and         bool
		left, right node
	}
	comparison struct {
		op          string
		left, right node
	}
	arithmetic struct {
		op          byte
		left, right node
	}
	in struct {
		x      node
		values []node
	}
	like struct{ x, pattern, escape node }
)

func (n constant) eval(Properties) any { return n.v }

func (n property) eval(p Properties) any {
	_, v, _ := n.name.find(p)
	return v
}

func (n exists) eval(p Properties) any {
	_, _, ok := n.name.find(p)
	return ok
}

func (n isNull) eval(p Properties) any { return (n.x.eval(p) == nil) != n.negated }

func (n not) eval(p Properties) any {
	if b, ok := n.x.eval(p).(bool); ok {
		return !b
	}
	return nil
}

// eval of AND and OR: one operand may decide when the other is unknown.
func (n logical) eval(p Properties) any {
	decides := !n.and
	left, known := n.left.eval(p).(bool)
	if known && left == decides {
		return decides
	}
	right, alsoKnown := n.right.eval(p).(bool)
	if alsoKnown && right == decides {
		return decides
	}
	if known && alsoKnown {
		return !decides
	}
	return nil
}

func (n comparison) eval(p Properties) any {
	left, right := n.left.eval(p), n.right.eval(p)
	switch n.op {
	case "=":
		return equal(left, right)
	case "<>", "!=":
		return negate(equal(left, right))
	}
	order, ok := compare(left, right)
	if !ok {
		return nil
	}
	switch n.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func negate(v any) any {
	if b, ok := v.(bool); ok {
		return !b
	}
	return nil
}

// eval of IN: unknown if nothing equals and something could not be compared.
func (n in) eval(p Properties) any {
	x := n.x.eval(p)
	var result any = false
	for _, v := range n.values {
		switch equal(x, v.eval(p)) {
		case true:
			return true
		case nil:
			result = nil
		}
	}
	return result
}

func (n like) eval(p Properties) any {
	s, ok := n.x.eval(p).(string)
	pattern, alsoOK := n.pattern.eval(p).(string)
	if !ok || !alsoOK {
		return nil
	}
	escape := ""
	if n.escape != nil {
		if escape, ok = n.escape.eval(p).(string); !ok || len([]rune(escape)) != 1 {
			return nil
		}
	}
	return matchLike(s, compileLike(pattern, escape))
}

func (n arithmetic) eval(p Properties) any {
	left, right := n.left.eval(p), n.right.eval(p)
	if a, ok := left.(string); ok && n.op == '+' {
		if b, ok := right.(string); ok {
			return a + b
		}
		return nil
	}
	a, aInt := left.(int64)
	b, bInt := right.(int64)
	if aInt && bInt {
		return integerOp(n.op, a, b)
	}
	x, ok := asFloat(left)
	y, alsoOK := asFloat(right)
	if !ok || !alsoOK {
		return nil
	}
	return floatOp(n.op, x, y)
}

func integerOp(op byte, a, b int64) any {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	}
	if b == 0 {
		return nil
	}
	if op == '/' {
		return a / b
	}
	return a % b
}

func floatOp(op byte, a, b float64) any {
	switch op {
	case '+':
		return a + b
	case '-':
		return a - b
	case '*':
		return a * b
	}
	if b == 0 {
		return nil
	}
	if op == '/' {
		return a / b
	}
	return math.Mod(a, b)
}
