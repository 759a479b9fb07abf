package aws

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const entryPrefix = "PublishBatchRequestEntries.member."

// published changes the batches of SNS, which are forms answered with XML.
func (p partial) published(body []byte) ([]byte, func([]byte) ([]byte, error)) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, nil
	}
	kept, failed := split(p, members(form))
	if len(failed) == 0 {
		return nil, nil
	}
	var ids []string
	for _, n := range failed {
		ids = append(ids, form.Get(entryPrefix+strconv.Itoa(n)+".Id"))
	}
	change := func(answer []byte) ([]byte, error) { return addFailedXML(answer, ids) }
	if len(kept) == 0 {
		return nil, change
	}
	return []byte(renumbered(form, kept).Encode()), change
}

// members returns the numbers of the entries in a form, in order.
func members(form url.Values) []int {
	var numbers []int
	for key := range form {
		rest, ok := strings.CutPrefix(key, entryPrefix)
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(digits); ok && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// renumbered keeps some entries and counts them from 1 again.
func renumbered(form url.Values, kept []int) url.Values {
	out := url.Values{}
	for key, values := range form {
		rest, ok := strings.CutPrefix(key, entryPrefix)
		if !ok {
			out[key] = values
			continue
		}
		digits, field, _ := strings.Cut(rest, ".")
		n, err := strconv.Atoi(digits)
		if err != nil {
			continue
		}
		if at := slices.Index(kept, n); at >= 0 {
			out[entryPrefix+strconv.Itoa(at+1)+"."+field] = values
		}
	}
	return out
}

// addFailedXML adds a list of failures at the end of the result.
func addFailedXML(answer []byte, ids []string) ([]byte, error) {
	var failed bytes.Buffer
	failed.WriteString("<Failed>")
	for _, id := range ids {
		failed.WriteString("<member><Id>")
		if err := xml.EscapeText(&failed, []byte(id)); err != nil {
			return nil, err
		}
		failed.WriteString("</Id><Code>InternalError</Code><Message>Internal Error</Message><SenderFault>false</SenderFault></member>")
	}
	failed.WriteString("</Failed>")
	end := []byte("</PublishBatchResult>")
	if answer == nil {
		answer = []byte(`<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Successful/></PublishBatchResult></PublishBatchResponse>`)
	}
	// The emulator and the service send an empty list when nothing failed.
	for _, empty := range []string{"<Failed/>", "<Failed />", "<Failed></Failed>"} {
		answer = bytes.Replace(answer, []byte(empty), nil, 1)
	}
	return bytes.Replace(answer, end, append(failed.Bytes(), end...), 1), nil
}
