// Package http1 is the hot path of a load generator: one keep-alive HTTP/1.1
// connection, prebuilt request bytes, exactly one answer per request, no
// allocation once it is warm.
//
// It reads what a load test needs and refuses the rest: answers framed by
// Content-Length or chunks, without a body for 1xx, 204, 304 and HEAD. Anything
// else is a typed [Error] that says how much is known about the request, because
// whoever judges a run must tell "nothing was sent" from "nobody knows".
//
// There is no TLS, no redirect, no cookie and no HTTP/2.
package http1
