package filter

// likeItem is one place of a pattern: a character, any one, or any number.
type likeItem struct {
	char     rune
	one, any bool
}

func compileLike(pattern, escape string) []likeItem {
	var items []likeItem
	escaped := false
	for _, c := range pattern {
		switch {
		case !escaped && escape != "" && string(c) == escape:
			escaped = true
			continue
		case !escaped && c == '%':
			items = append(items, likeItem{any: true})
		case !escaped && c == '_':
			items = append(items, likeItem{one: true})
		default:
			items = append(items, likeItem{char: c})
		}
		escaped = false
	}
	return items
}

// matchLike goes back to the last % only, which is enough and keeps the work
// below the product of the two lengths.
func matchLike(text string, items []likeItem) bool {
	s := []rune(text)
	i, j := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case j < len(items) && items[j].any:
			star, mark = j, i
			j++
		case j < len(items) && (items[j].one || items[j].char == s[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(items) && items[j].any {
		j++
	}
	return j == len(items)
}
