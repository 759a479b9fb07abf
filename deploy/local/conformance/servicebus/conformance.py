"""Speaks to a server with azure-servicebus and prints "ok NAME" for each check.

Arguments: a connection string. The server has the queues q, s (sessions) and
short (one delivery), and the topic t with the subscription all.
"""

import datetime
import sys
import traceback

from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    AutoLockRenewer,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
    exceptions,
)

CONNECTION = sys.argv[1]


def one(receiver):
    got = receiver.receive_messages(max_message_count=1, max_wait_time=10)
    assert len(got) == 1, f"received {len(got)} messages, want one"
    return got[0]


def none(receiver):
    got = receiver.receive_messages(max_message_count=1, max_wait_time=1)
    assert not got, f"received {len(got)} messages, want none"


def raises(kind, call):
    try:
        call()
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def send_receive_complete(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        s.send_messages(ServiceBusMessage(b"body", subject="sub", application_properties={"k": 1}))
        m = one(r)
        assert b"".join(m.body) == b"body" and m.subject == "sub"
        assert m.application_properties[b"k"] == 1, m.application_properties
        assert m.delivery_count == 0 and m.sequence_number > 0 and m.message_id
        r.complete_message(m)
        none(r)


def batch(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        b = s.create_message_batch()
        for i in range(100):
            b.add_message(ServiceBusMessage(str(i)))
        s.send_messages(b)
        seen = []
        while len(seen) < 100:
            got = r.receive_messages(max_message_count=100, max_wait_time=10)
            assert got, f"only {len(seen)} of 100"
            for m in got:
                seen.append(int(str(m)))
                r.complete_message(m)
        assert seen == list(range(100)), seen


def receive_and_delete(c):
    with c.get_queue_sender("q") as s:
        s.send_messages(ServiceBusMessage("x"))
    with c.get_queue_receiver("q", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE) as r:
        one(r)
    with c.get_queue_receiver("q") as r:
        none(r)


def abandon(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        s.send_messages(ServiceBusMessage("x"))
        r.abandon_message(one(r))
        m = one(r)
        assert m.delivery_count == 1, m.delivery_count
        r.complete_message(m)


def dead_letter(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        s.send_messages(ServiceBusMessage("x"))
        r.dead_letter_message(one(r), reason="why", error_description="because")
        none(r)
    with c.get_queue_receiver("q", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as r:
        m = one(r)
        assert m.dead_letter_reason == "why" and m.dead_letter_error_description == "because"
        assert m.dead_letter_source == "q", m.dead_letter_source
        r.complete_message(m)


def max_delivery_count(c):
    with c.get_queue_sender("short") as s, c.get_queue_receiver("short") as r:
        s.send_messages(ServiceBusMessage("x"))
        r.abandon_message(one(r))
    with c.get_queue_receiver("short", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as r:
        m = one(r)
        assert m.dead_letter_reason == "MaxDeliveryCountExceeded", m.dead_letter_reason
        r.complete_message(m)


def defer(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        s.send_messages(ServiceBusMessage("x"))
        m = one(r)
        r.defer_message(m)
        none(r)
        (back,) = r.receive_deferred_messages(m.sequence_number)
        r.complete_message(back)
        raises(exceptions.ServiceBusError, lambda: r.receive_deferred_messages(m.sequence_number))


def peek(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        s.send_messages([ServiceBusMessage("1"), ServiceBusMessage("2")])
        assert [str(m) for m in r.peek_messages(10)] == ["1", "2"]
        for _ in range(2):
            r.complete_message(one(r))
        assert r.peek_messages(10) == []


def renew_lock(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        s.send_messages(ServiceBusMessage("x"))
        m = one(r)
        assert r.renew_message_lock(m) > datetime.datetime.now(datetime.timezone.utc)
        r.complete_message(m)
        raises((exceptions.MessageAlreadySettled, ValueError), lambda: r.complete_message(m))


def schedule(c):
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r:
        numbers = s.schedule_messages([ServiceBusMessage("never")], later)
        s.cancel_scheduled_messages(numbers)
        s.schedule_messages(ServiceBusMessage("soon"), soon)
        m = one(r)
        assert str(m) == "soon"
        r.complete_message(m)
        raises(exceptions.ServiceBusError, lambda: s.cancel_scheduled_messages(numbers))


def sessions(c):
    with c.get_queue_sender("s") as s:
        for i in range(3):
            s.send_messages(ServiceBusMessage(f"a{i}", session_id="a"))
        s.send_messages(ServiceBusMessage("b", session_id="b"))
    with c.get_queue_receiver("s", session_id="a") as r:
        assert r.session.session_id == "a"
        r.session.set_state(b"state")
        assert r.session.get_state() == b"state"
        r.session.renew_lock()
        for i in range(3):
            m = one(r)
            assert str(m) == f"a{i}" and m.session_id == "a"
            r.complete_message(m)
        other = c.get_queue_receiver("s", session_id="a")
        raises(exceptions.SessionCannotBeLockedError, other.__enter__)
        with c.get_queue_receiver("s", session_id=NEXT_AVAILABLE_SESSION) as n:
            assert n.session.session_id == "b"
            n.complete_message(one(n))
        r.session.set_state(None)


def no_session(c):
    r = c.get_queue_receiver("s", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1)
    raises(exceptions.OperationTimeoutError, r.__enter__)


def topic(c):
    with c.get_topic_sender("t") as s, c.get_subscription_receiver("t", "all") as r:
        s.send_messages(ServiceBusMessage("x"))
        r.complete_message(one(r))


def lock_renewer(c):
    with c.get_queue_sender("q") as s, c.get_queue_receiver("q") as r, AutoLockRenewer() as renewer:
        s.send_messages(ServiceBusMessage("x"))
        m = one(r)
        renewer.register(r, m, max_lock_renewal_duration=5)
        r.complete_message(m)


def not_found(c):
    s = c.get_queue_sender("absent")
    raises(exceptions.ServiceBusError, lambda: s.send_messages(ServiceBusMessage("x")))


def too_large(c):
    with c.get_queue_sender("q") as s:
        raises(exceptions.MessageSizeExceededError, lambda: s.send_messages(ServiceBusMessage(b"x" * 300_000)))


def no_session_id(c):
    with c.get_queue_sender("s") as s:
        raises(exceptions.ServiceBusError, lambda: s.send_messages(ServiceBusMessage("x")))


def main():
    checks = [
        send_receive_complete, batch, receive_and_delete, abandon, dead_letter, max_delivery_count, defer, peek,
        renew_lock, schedule, sessions, no_session, topic, lock_renewer, not_found, too_large, no_session_id,
    ]
    failed = False
    for check in checks:
        try:
            with ServiceBusClient.from_connection_string(CONNECTION, retry_total=0) as c:
                check(c)
            print("ok", check.__name__, flush=True)
        except Exception:
            failed = True
            print("FAIL", check.__name__, flush=True)
            traceback.print_exc()
    sys.exit(failed)


main()
