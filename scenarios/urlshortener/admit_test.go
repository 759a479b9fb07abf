package urlshortener

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/redis/go-redis/v9"
)

func TestWhatIsNotAdmittedIsRefusedAtOnceAndHealthIsAlwaysAnswered(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // never asked
	defer rdb.Close()
	api, err := newProcess(Config{Public: &url.URL{Scheme: "https", Host: "sho.rt"}, StoreReads: 1, Admit: 1e-6, CodeKey: []byte("key")},
		dynamodb.New(dynamodb.Options{}), rdb, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer api.service.memory.close()
	for _, want := range []struct {
		path   string
		status int
	}{
		{"/0impossible", http.StatusNotFound}, // the one that is admitted
		{"/0impossible", http.StatusServiceUnavailable},
		{"/api/links/0impossible", http.StatusServiceUnavailable},
		{"/healthz", http.StatusOK},
		{"/0impossible", http.StatusServiceUnavailable},
	} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, want.path, nil))
		if w.Code != want.status || (w.Code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != "1") {
			t.Errorf("GET %s = %d with %v, want %d", want.path, w.Code, w.Header(), want.status)
		}
	}
}
