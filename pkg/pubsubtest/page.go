package pubsubtest

import (
	"strconv"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxPage is the largest page, and the one without a page size.
const maxPage = 1000

// page cuts a page out of a sorted list; a token is where it begins.
func page[T any](all []T, size int32, token string) (part []T, next string, err error) {
	from := 0
	if token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > len(all) {
			return nil, "", status.Errorf(codes.InvalidArgument, "Invalid page token %q.", token)
		}
	}
	if size < 0 {
		return nil, "", status.Errorf(codes.InvalidArgument, "Invalid page size %d.", size)
	}
	n := int(size)
	if n == 0 || n > maxPage {
		n = maxPage
	}
	part = all[from:]
	if len(part) <= n {
		return part, "", nil
	}
	return part[:n], strconv.Itoa(from + n), nil
}
