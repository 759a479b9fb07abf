package filter_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/provingground/provingground/pkg/servicebustest/filter"
)

func properties() filter.Properties {
	return filter.Properties{
		System: map[string]any{"messageid": "m1", "label": "order", "to": "somewhere"},
		User: map[string]any{
			"n": int32(5), "f": 2.5, "s": "text", "yes": true, "no": false, "with space": "x", "Mixed": "case",
			"at": time.UnixMilli(1000).UTC(), "big": uint64(1) << 63, "quote": "it's",
		},
	}
}

func TestConditionsMatch(t *testing.T) {
	for sql, want := range map[string]bool{
		// comparisons
		"n = 5": true, "n <> 5": false, "n != 4": true, "n < 6": true, "n <= 5": true, "n > 5": false, "n >= 5": true,
		"n = 5.0": true, "f = 2.5": true, "f > 2": true, "s = 'text'": true, "s = 'TEXT'": false, "s < 'u'": true,
		"quote = 'it''s'": true, "n = 0x5": true, "f = 25e-1": true, "big > 1": true,
		// names
		"sys.MessageId = 'm1'": true, "sys.label = 'order'": true, "sys.Subject = 'order'": true, "user.n = 5": true,
		"[with space] = 'x'": true, `"with space" = 'x'`: true, "MIXED = 'case'": true, "MessageId = 'm1'": false,
		// booleans
		"yes": true, "no": false, "NOT no": true, "yes = TRUE": true, "yes AND NOT no": true, "TRUE": true, "1=1": true, "1=0": false,
		// arithmetic
		"n + 1 = 6": true, "n * 2 - 1 = 9": true, "n / 2 = 2": true, "n % 2 = 1": true, "-n = -5": true, "(n + 1) * 2 = 12": true,
		"s + 'x' = 'textx'": true, "f * 2 = 5": true, "2 + 3 * 4 = 14": true,
		// sets and patterns
		"s IN ('a', 'text')": true, "s NOT IN ('a')": true, "n IN (1, 5)": true, "n IN (1, 2)": false,
		"s LIKE 't%'": true, "s LIKE '_ext'": true, "s LIKE 'x%'": false, "s NOT LIKE 'x%'": true, "s LIKE '%e%t%'": true,
		"'50%' LIKE '50!%' ESCAPE '!'": true, "'500' LIKE '50!%' ESCAPE '!'": false, "'a_b' LIKE 'a\\_b' ESCAPE '\\'": true,
		"s IS NULL": false, "s IS NOT NULL": true, "missing IS NULL": true, "EXISTS(s)": true, "EXISTS(missing)": false, "exists(sys.To)": true,
		// precedence
		"no OR yes AND yes": true, "yes OR no AND no": true, "NOT no AND yes": true, "NOT (no OR yes)": false,
		"sys.MessageId = 'm1' AND s = 'text'": true,
	} {
		if c, err := filter.ParseCondition(sql, nil); err != nil || c.Match(properties()) != want {
			t.Errorf("%s: want %t, %v", sql, want, err)
		}
	}
}

// TestUnknownIsNeitherTrueNorFalse has conditions whose truth is unknown: both
// they and their opposite do not match, unless another operand decides.
func TestUnknownIsNeitherTrueNorFalse(t *testing.T) {
	for _, unknown := range []string{
		"missing = 1", "missing <> 1", "missing < 1", "missing", "n = 'text'", "s > 1", "n / 0 = 1", "n % 0 = 1", "f / 0 = 1",
		"s + 1 = 2", "yes < no", "missing IN (1)", "n IN (1, missing)", "s LIKE 5", "s LIKE 't%' ESCAPE 'ab'", "n", "NULL", "s = NULL",
		"s - 1 = 0", "at = 1000",
	} {
		for sql, want := range map[string]bool{
			unknown:                             false,
			"NOT (" + unknown + ")":             false,
			"(" + unknown + ") OR TRUE":         true,
			"TRUE OR (" + unknown + ")":         true,
			"(" + unknown + ") OR FALSE":        false,
			"NOT ((" + unknown + ") AND FALSE)": true,
			"NOT (FALSE AND (" + unknown + "))": true,
			"NOT ((" + unknown + ") AND TRUE)":  false,
			"(" + unknown + ") AND TRUE":        false,
		} {
			if c, err := filter.ParseCondition(sql, nil); err != nil || c.Match(properties()) != want {
				t.Errorf("%s: want %t, %v", sql, want, err)
			}
		}
	}
}

func TestParametersAreValues(t *testing.T) {
	parameters := map[string]any{"@s": "text", "@n": 5, "@at": time.UnixMilli(1000)}
	for _, sql := range []string{"s = @s", "n = @n", "at = @at", "n IN (@n)"} {
		if c, err := filter.ParseCondition(sql, parameters); err != nil || !c.Match(properties()) {
			t.Errorf("%s does not match: %v", sql, err)
		}
	}
	if _, err := filter.ParseCondition("n = @absent", parameters); !errors.Is(err, filter.ErrSyntax) {
		t.Errorf("a parameter without a value: %v", err)
	}
}

func TestWhatIsNoConditionIsAnError(t *testing.T) {
	for _, sql := range []string{
		"", "n =", "= 5", "n = 5 5", "n == 5", "(n = 5", "n = 5)", "n IN ()", "n IN 5", "s LIKE", "n IS 5", "NOT", "n NOT 5", "EXISTS s",
		"'open", "[open", "n = 1x", "sys.unknown = 1", "other.n = 1", "n ? 5", "AND", "user.", "n = 5 AND", "EXISTS()",
		strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000), strings.Repeat("NOT ", 500) + "yes", strings.Repeat("-", 500) + "1",
		"n IN (" + strings.Repeat("1,", 300) + "1)", "n = '" + strings.Repeat("x", filter.MaxLength) + "'",
	} {
		if _, err := filter.ParseCondition(sql, nil); !errors.Is(err, filter.ErrSyntax) {
			t.Errorf("%.40q: %v", sql, err)
		}
	}
}

func TestPatternsWithManyWildcardsEnd(t *testing.T) {
	c, err := filter.ParseCondition("s LIKE '"+strings.Repeat("%a", 200)+"b'", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Match(filter.Properties{User: map[string]any{"s": strings.Repeat("a", 20000)}}) {
		t.Error("matches")
	}
}

func TestActionsChangeProperties(t *testing.T) {
	for sql, want := range map[string]map[string]any{
		"SET x = n + 1":                    {"x": int64(6)},
		"SET s = 'new'; SET y = s":         {"s": "new", "y": "new"},
		"SET MIXED = 1":                    {"Mixed": int64(1)},
		"REMOVE s":                         {"s": nil},
		"SET s = missing":                  {"s": nil},
		"SET a = 1 SET b = 2, REMOVE n;":   {"a": int64(1), "b": int64(2), "n": nil},
		"SET [with space] = n > 4":         {"with space": true},
		"SET sys.To = 'Entity'":            {},
		"SET sys.Label = 5; SET x = 'set'": {"x": "set"},
	} {
		a, err := filter.ParseAction(sql, nil)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		p := properties().Clone()
		a.Apply(&p)
		for name, v := range want {
			if p.User[name] != v {
				t.Errorf("%s: %s is %v, want %v", sql, name, p.User[name], v)
			}
		}
		switch {
		case strings.Contains(sql, "sys.To") && p.System["to"] != "Entity":
			t.Errorf("%s: to is %v", sql, p.System["to"])
		case strings.Contains(sql, "sys.Label") && p.System["label"] != nil:
			t.Errorf("%s: a label that is no string stays", sql)
		}
	}
	if !reflect.DeepEqual(properties(), properties().Clone()) {
		t.Error("a clone differs")
	}
	for _, sql := range []string{"SET", "SET x", "SET x = ", "DROP x", "REMOVE", "SET x = 1 2", "SET sys.none = 1"} {
		if _, err := filter.ParseAction(sql, nil); !errors.Is(err, filter.ErrSyntax) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestCorrelationWantsEveryProperty(t *testing.T) {
	for _, c := range []struct {
		filter filter.Correlation
		want   bool
	}{
		{filter.Correlation{}, true},
		{filter.Correlation{System: map[string]string{"label": "order"}}, true},
		{filter.Correlation{System: map[string]string{"label": "Order"}}, false},
		{filter.Correlation{System: map[string]string{"sessionid": ""}}, false},
		{filter.Correlation{System: map[string]string{"label": "order"}, User: map[string]any{"n": int64(5), "s": "text"}}, true},
		{filter.Correlation{User: map[string]any{"n": int64(6)}}, false},
		{filter.Correlation{User: map[string]any{"n": "5"}}, false},
		{filter.Correlation{User: map[string]any{"missing": nil}}, false},
	} {
		if got := c.filter.Match(properties()); got != c.want {
			t.Errorf("%+v matches: %t, want %t", c.filter, got, c.want)
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, sql := range []string{"n = 5 AND s LIKE '%x' ESCAPE '!'", "sys.To IN ('a', @p) OR NOT EXISTS(x)", "-(1+2)*3/4 % 5 >= .5e-3", "[a]]b] IS NOT NULL"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		c, err := filter.ParseCondition(sql, map[string]any{"@p": "x"})
		if err != nil {
			return
		}
		matches := c.Match(properties())
		opposite, err := filter.ParseCondition("NOT ("+sql+")", map[string]any{"@p": "x"})
		if err == nil && matches && opposite.Match(properties()) {
			t.Fatalf("%q and its opposite match", sql)
		}
	})
}

func FuzzAction(f *testing.F) {
	f.Add("SET x = n + 1; REMOVE s")
	f.Fuzz(func(t *testing.T, sql string) {
		a, err := filter.ParseAction(sql, nil)
		if err != nil {
			return
		}
		p := properties().Clone()
		a.Apply(&p)
	})
}
