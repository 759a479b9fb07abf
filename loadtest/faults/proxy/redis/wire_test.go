package redis_test

import (
	"slices"
	"testing"

	"github.com/provingground/provingground/loadtest/faults/proxy/proxytest"
	"github.com/provingground/provingground/loadtest/faults/proxy/redis"
)

func TestCommandsAreNamedByTheirKeys(t *testing.T) {
	for sent, want := range map[string]string{
		"SET session:42 x\r\n":                   "SET session",
		"get abc123\r\n":                         "GET",
		"INCR hits\r\n":                          "INCR hits",
		"ZADD {game}:top 1 a\r\n":                "ZADD game",
		"PING\r\n":                               "PING",
		"EVALSHA abc 1 user:1 x\r\n":             "EVALSHA user",
		"EVAL script 0\r\n":                      "EVAL",
		"XREADGROUP GROUP g c STREAMS s >\r\n":   "XREADGROUP",
		"XGROUP CREATE orders g $\r\n":           "XGROUP orders",
		"SET a/b:1 x\r\n":                        "SET a_b",
		"*2\r\n$3\r\nDEL\r\n$3\r\nk:1\r\n":       "DEL k",
		"*2\r\n$4\r\nLPOP\r\n$6\r\nab\r\ncd\r\n": "LPOP ab__cd",
	} {
		if got := proxytest.Requests(t, redis.Protocol()(), []byte(sent)); !slices.Equal(got, []string{want}) {
			t.Errorf("%q is called %q, want %q", sent, got, want)
		}
	}
}

func TestRepliesAreCutInEveryShape(t *testing.T) {
	for sent, want := range map[string]int{
		"+OK\r\n-ERR x\r\n:1\r\n_\r\n#t\r\n,1.5\r\n(99\r\n": 7,
		"$3\r\nabc\r\n$-1\r\n$0\r\n\r\n=5\r\ntxt:x\r\n":     4,
		"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n*-1\r\n*0\r\n":        3,
		"%1\r\n+k\r\n:1\r\n~1\r\n+a\r\n":                    2,
		">2\r\n+invalidate\r\n+x\r\n+OK\r\n":                1, // the push answers nothing
		"|1\r\n+ttl\r\n:9\r\n+OK\r\n":                       1,
		"?what\r\n":                                         0,
		"$5\r\nab":                                          0,
	} {
		if got := proxytest.Answers(t, redis.Protocol()(), nil, []byte(sent)); got != want {
			t.Errorf("%q ended %d answers, want %d", sent, got, want)
		}
	}
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) { proxytest.Requests(t, redis.Protocol()(), sent) })
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte("*2\r\n%1\r\n+a\r\n:1\r\n$1\r\nx\r\n>1\r\n+p\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) { proxytest.Answers(t, redis.Protocol()(), nil, sent) })
}
