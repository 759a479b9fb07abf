package ordernotify

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/provingground/provingground/loadtest/faults/proxy"
)

// loseMail is the loss of SES's answer, with a note of the mail that it was about.
// It is asked to change a request, and changes nothing: so it sees both.
func (d *Driver) loseMail() proxy.Effect {
	return proxy.Rewritten("lost answer", func(request []byte) ([]byte, func([]byte) ([]byte, error)) {
		mail := mailOf(request)
		return request, func(answer []byte) ([]byte, error) {
			if bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")) {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.dropped[mail]++
			}
			return nil, errors.New("the answer is lost")
		}
	})
}

// mailOf returns order/kind by the tags of a SendEmail request.
func mailOf(request []byte) string {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return ""
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	tags := map[string]string{}
	for key := range form {
		if prefix, ok := strings.CutSuffix(key, ".Name"); ok && strings.HasPrefix(key, "Tags.member.") {
			tags[form.Get(key)] = form.Get(prefix + ".Value")
		}
	}
	return tags["order"] + "/" + tags["kind"]
}
