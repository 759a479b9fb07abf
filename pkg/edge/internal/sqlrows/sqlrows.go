// Package sqlrows reads what a statement returned, of D1 and of an object's database.
package sqlrows

// Read takes [numbers, columns, rows] apart; what is not there is empty.
func Read(v any) (meta []int64, columns []string, rows [][]any) {
	parts, _ := v.([]any)
	if len(parts) != 3 {
		return nil, nil, nil
	}
	numbers, _ := parts[0].([]any)
	for _, n := range numbers {
		count, _ := n.(int64)
		meta = append(meta, count)
	}
	columns, _ = parts[1].([]string)
	all, _ := parts[2].([]any)
	for _, each := range all {
		row, _ := each.([]any)
		rows = append(rows, row)
	}
	return meta, columns, rows
}
