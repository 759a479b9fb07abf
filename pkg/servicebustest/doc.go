// Package servicebustest is Azure Service Bus in this process: an AMQP 1.0
// server to which the real clients connect, ready in milliseconds.
//
//	s, err := servicebustest.NewServer(servicebustest.Options{})
//	defer s.Close()
//	err = s.CreateQueue("orders", servicebustest.Settings{})
//	client, err := azservicebus.NewClientFromConnectionString(s.ConnectionString(), nil)
//
// The command in cmd/servicebustest serves clients in other languages. Go,
// Python (azure-servicebus) and JavaScript (@azure/service-bus) are tried in CI,
// and azservicebus's own test suite runs against it.
//
// # What a test gets
//
// A clock that stands still and moves with Advance (Options.FrozenAt); faults of
// every operation, with the service's own error conditions, delays, cut
// connections and lost answers (Inject); a look at what is in an entity
// (Messages, Counts); a hook that is told what happens to each message
// (Options.OnEvent). Many servers live in one process, and nothing of one is
// left after Close.
//
// # Delivery
//
// With PeekLock, at least once: a message comes again when its lock ends, when
// it is abandoned, or when an answer was lost. With ReceiveAndDelete, at most
// once. Without sessions order is that of arrival, except for what comes back.
//
// With Options.JournalDir nothing is acknowledged, and nothing is delivered,
// before what led to it is on disk; a crash at any moment loses nothing that was
// acknowledged. After a restart nothing is locked, and a delivery that the crash
// interrupted is not counted. If the disk fails, connections end without an
// answer and Failed says so. A test kills the process with SIGKILL under load.
//
// # How it is built
//
//	encoding    AMQP values and bytes                       (no other package)
//	amqp        frames, SASL, connection, session, link     encoding
//	message     an AMQP message in its sections             encoding
//	filter      SQL and correlation filters, actions        (no other package)
//	broker      queues, topics, locks, sessions, timers     message, filter
//	access      keys, rights, tokens                        (no other package)
//	config      Microsoft's Config.json                     broker
//	management  the requests of $management                 broker
//	admin       the Atom API over HTTP                      broker
//
// The broker is a plain state machine: no goroutine, no lock, no clock. The
// server gives it these, and two goroutines to each connection. Messages are
// pulled by the connection that can take them, so that a slow client costs one
// buffer, whatever waits for it.
//
// # Beside Microsoft's emulator
//
// Its column is read from its documentation (November 2026), not tried.
//
//	feature                         Microsoft's emulator      this server
//	runs as                         container + SQL Server    Go package, one process
//	licence                         EULA, development only    that of this module
//	connections                     10                        1,000, an option
//	entities                        50                        not bounded
//	time to live                    at most 1 h               as in the service
//	kept over a restart             no                        yes, with a journal
//	queues, topics, subscriptions   yes                       yes
//	SQL and correlation filters     yes                       yes, without newid() and property()
//	actions of rules                yes                       yes
//	sessions with state             yes                       yes
//	dead letters, deferral          yes                       yes
//	scheduled messages              yes                       yes
//	duplicate detection             yes                       yes
//	auto-forwarding                 yes                       yes, 4 hops
//	administration API              HTTP                      HTTP, or HTTPS with Options.TLS
//	Config.json, /health            yes                       yes
//	keys with rights                no                        Send, Listen, Manage
//	injected faults, frozen clock   no                        yes
//	AMQP over WebSocket             no                        no: refused with HTTP 501
//	transactions                    yes                       no: refused with amqp:not-implemented
//	partitions, JMS                 no                        accepted and ignored, no
//
// Left out beside these: AutoDeleteOnIdle is stored and not acted upon; links and
// connections are not closed for being idle as the service does, unless the
// client goes silent; a token that expires is noticed by the next link, not by
// open ones; batch-delete-messages is answered with 501.
//
// # Numbers
//
// make bench-servicebus, 2 cores which client and server share, azservicebus
// v1.11.0, bodies of 256 bytes, messages a second, on an Intel Xeon (2026-11-24) and
// on an AMD EPYC (2026-11-28, with a journal that writes ahead):
//
//	                                                  Xeon                  EPYC
//	                                              memory    journal    memory    journal
//	send, 32 senders                            102,700     35,400    45,300     29,100
//	send in batches of 500                      319,300    210,100   210,900    147,200
//	receive 500 at a time, complete 64 at once   59,900     49,800    37,000     31,500
//	the same with 1,000,000 messages behind      65,900               33,700
//
// A queued message takes 571 bytes of memory, 256 of which are its body.
//
// How far sends are from what the disk's syncs allow: go test -run '^$' -bench
// SendWith32Senders -benchtime 2s ./pkg/servicebustest, on the EPYC, four runs. None
// of 32 senders sends again before a sync is over; if one sync took the records of
// all 32, a round would last as long as 32 sends in memory and one sync. Of that rate
// the sends reached 0.81, 0.92, 0.74 and 0.69: 28,200 to 30,500 a second with a
// journal, where memory took 40,800 to 55,600 and one appender 5,100 to 5,900 syncs.
// 32 that only append to a journal wrote 126,000 to 159,000 records.
package servicebustest
