//go:build unix

package imageresize

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestBadRequestsAreRefusedWithoutIO(t *testing.T) {
	c := &cluster{http: newBareAPI(t, 1e6)}
	const ok = `"content_type":"image/jpeg"`
	for _, tt := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"half JSON", "POST", "/api/uploads", `{"name":`, 400},
		{"unknown field", "POST", "/api/uploads", `{"name":"a.jpg",` + ok + `,"key":"in/b"}`, 400},
		{"two values", "POST", "/api/uploads", `{"name":"a.jpg",` + ok + `} {}`, 400},
		{"no name", "POST", "/api/uploads", `{` + ok + `}`, 400},
		{"a path as name", "POST", "/api/uploads", `{"name":"../a",` + ok + `}`, 400},
		{"a page", "POST", "/api/uploads", `{"name":"a","content_type":"text/html"}`, 400},
		{"SVG", "POST", "/api/uploads", `{"name":"a","content_type":"image/svg+xml"}`, 400},
		{"a negative size", "POST", "/api/uploads", `{"name":"a",` + ok + `,"size":-1}`, 400},
		{"a checksum without a size", "POST", "/api/uploads", `{"name":"a",` + ok + `,"sha256":"` + strings.Repeat("A", 43) + `="}`, 400},
		{"half a checksum", "POST", "/api/uploads", `{"name":"a",` + ok + `,"size":1,"sha256":"AAAA"}`, 400},
		{"a file over the limit", "POST", "/api/uploads", `{"name":"a",` + ok + `,"size":20971521}`, 422},
		{"a large body", "POST", "/api/uploads", `{"name":"` + strings.Repeat("a", 5000) + `"}`, 413},
		{"another method", "DELETE", "/api/uploads", ``, 405},
		{"another path", "GET", "/", ``, 404},
		{"an id that nobody made", "GET", "/api/uploads/2026112414-AAAAAAAAAAAAAAAA-AAAAAAAA", ``, 404},
	} {
		a := c.call(t, tt.method, tt.path, tt.body)
		var p struct{ Type, Detail string }
		if err := json.Unmarshal(a.body, &p); a.status != tt.want || err != nil || p.Type == "" || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want a problem of %d", tt.name, a.status, a.body, tt.want)
		}
	}
	a := call(t, "POST", c.http.URL+"/api/uploads", map[string]string{"Content-Type": "text/plain"}, strings.NewReader(`{}`))
	if a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a body that is not JSON: %d", a.status)
	}
}

func TestWhatIsNotAdmittedIsRefusedAtOnce(t *testing.T) {
	c := &cluster{http: newBareAPI(t, 0.001)}
	body := `{"name":"a.jpg","content_type":"image/jpeg"}`
	statuses := map[int]int{}
	for range 10 {
		a := c.call(t, "POST", "/api/uploads", body)
		if statuses[a.status]++; a.status == 503 && a.header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if statuses[201] != 5 || statuses[503] != 5 {
		t.Errorf("of ten requests at once: %v, want five that are refused", statuses)
	}
}
