package redis

import (
	"strconv"
	"strings"
)

// called names a command by its key's first part.
func called(command string, args []string) string {
	command = word(command)
	if k := word(part(key(command, args))); k != "" {
		return command + " " + k
	}
	return command
}

// key returns the first key of a command, or empty where the first argument is
// none.
func key(command string, args []string) string {
	at := 1
	switch command {
	case "PING", "HELLO", "AUTH", "CLIENT", "SELECT", "INFO", "CONFIG", "COMMAND", "ECHO", "TIME", "WAIT", "READONLY",
		"SCAN", "DBSIZE", "FLUSHALL", "FLUSHDB", "CLUSTER", "SCRIPT", "FUNCTION", "MEMORY", "LATENCY", "SLOWLOG",
		"XREAD", "XREADGROUP", "DEBUG", "SHUTDOWN":
		return ""
	case "OBJECT", "XGROUP", "XINFO", "BITOP":
		at = 2
	case "EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO":
		if len(args) < 3 || !isCount(args[2]) {
			return ""
		}
		at = 3
	}
	if len(args) <= at {
		return ""
	}
	return args[at]
}

func isCount(s string) bool { n, err := strconv.Atoi(s); return err == nil && n > 0 }

// part is what a key shares with its like: what stands before the first colon, or
// all of a key without digits.
func part(key string) string {
	first, _, found := strings.Cut(key, ":")
	if !found && strings.ContainsAny(key, "0123456789") {
		return ""
	}
	return strings.Trim(first, "{}")
}

// word keeps a name in one word, as patterns need it.
func word(s string) string {
	return short(strings.Map(func(r rune) rune {
		if r == '/' || r <= ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, s))
}

func short(s string) string { return s[:min(len(s), maxName)] }
