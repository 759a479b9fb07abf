"""What Google's own Python client must find at PUBSUB_EMULATOR_HOST.

Run by conformance_test.go. Each check_ function is one claim; the first
failed assertion ends the script with exit code 1.
"""

import datetime
import threading

from google.api_core import exceptions
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeStatus
from google.protobuf import duration_pb2, field_mask_pb2
from google.pubsub_v1.types import (
    DeadLetterPolicy,
    Encoding,
    RetryPolicy,
    Schema,
    SchemaSettings,
)

PROJECT = "python"
publisher = pubsub_v1.PublisherClient(
    publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
)
subscriber = pubsub_v1.SubscriberClient()
schemas = pubsub_v1.SchemaServiceClient()
TIMEOUT = 30


def create(name, **options):
    """Returns the paths of a new topic and of a subscription to it."""
    topic = publisher.topic_path(PROJECT, name)
    subscription = subscriber.subscription_path(PROJECT, name)
    publisher.create_topic(request={"name": topic})
    subscriber.create_subscription(
        request={"name": subscription, "topic": topic, **options}
    )
    return topic, subscription


def allow(client, resource, role):
    """Grants a role to the account that forwards dead letters, as Google Cloud wants it."""
    member = "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com"
    policy = {"bindings": [{"role": role, "members": [member]}]}
    client.set_iam_policy(request={"resource": resource, "policy": policy})


def publish(topic, count, **attributes):
    futures = [
        publisher.publish(topic, str(i).encode(), **attributes) for i in range(count)
    ]
    return {f.result(timeout=TIMEOUT) for f in futures}


def receive(subscription, enough, handle=lambda m: m.ack()):
    """Streams until enough(messages) is true, and returns the messages."""
    got, lock, done = [], threading.Lock(), threading.Event()

    def callback(message):
        handle(message)
        with lock:
            got.append(message)
            if enough(got):
                done.set()

    future = subscriber.subscribe(subscription, callback)
    assert done.wait(TIMEOUT), f"only {len(got)} messages came"
    future.cancel()
    future.result(timeout=TIMEOUT)
    return got


def pull(subscription, count=100):
    return subscriber.pull(
        request={"subscription": subscription, "max_messages": count, "return_immediately": True}
    ).received_messages


def raises(error, call):
    try:
        call()
    except error:
        return
    raise AssertionError(f"no {error.__name__}")


def check_publish_stream_ack():
    topic, subscription = create("stream")
    ids = publish(topic, 500, origin="python")
    got = receive(subscription, lambda g: {m.message_id for m in g} == ids)
    assert all(m.attributes["origin"] == "python" for m in got)
    assert not pull(subscription)


def check_nack_comes_back():
    topic, subscription = create("nack")
    publish(topic, 1)
    seen = []

    def handle(message):
        seen.append(message.message_id)
        message.nack() if len(seen) < 3 else message.ack()

    receive(subscription, lambda g: len(g) == 3, handle)
    assert len(set(seen)) == 1


def check_order():
    topic, subscription = create("ordered", enable_message_ordering=True)
    futures = [
        publisher.publish(topic, str(i).encode(), ordering_key=key)
        for i in range(50)
        for key in ("K", "L")
    ]
    for f in futures:
        f.result(timeout=TIMEOUT)
    got = receive(subscription, lambda g: len(g) >= 100)
    for key in ("K", "L"):
        assert [int(m.data) for m in got if m.ordering_key == key] == list(range(50))


def check_exactly_once_confirms():
    topic, subscription = create("once", enable_exactly_once_delivery=True)
    publish(topic, 20)
    results = []
    receive(
        subscription,
        lambda g: len(g) == 20,
        lambda m: results.append(m.ack_with_response()),
    )
    for r in results:
        assert r.result(timeout=TIMEOUT) == AcknowledgeStatus.SUCCESS
    publish(topic, 1)
    message = pull(subscription)[0]
    request = {"subscription": subscription, "ack_ids": [message.ack_id]}
    subscriber.modify_ack_deadline(request={**request, "ack_deadline_seconds": 0})
    raises(exceptions.FailedPrecondition, lambda: subscriber.acknowledge(request=request))


def check_dead_letter():
    letters, dead = create("dead")
    topic, subscription = create(
        "poison",
        dead_letter_policy=DeadLetterPolicy(dead_letter_topic=letters, max_delivery_attempts=5),
    )
    allow(publisher, letters, "roles/pubsub.publisher")
    allow(subscriber, subscription, "roles/pubsub.subscriber")
    ids = publish(topic, 1)
    attempts = []
    future = subscriber.subscribe(
        subscription, lambda m: (attempts.append(m.delivery_attempt), m.nack())
    )
    got = receive(dead, lambda g: len(g) == 1)
    future.cancel()
    future.result(timeout=TIMEOUT)
    assert attempts == [1, 2, 3, 4, 5], attempts
    source = got[0].attributes
    assert source["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert source["CloudPubSubDeadLetterSourceSubscription"] == "poison"
    assert got[0].message_id not in ids


def check_filter():
    topic, subscription = create("filtered", filter='attributes.kind = "big"')
    publish(topic, 3, kind="small")
    ids = publish(topic, 2, kind="big")
    assert {m.message.message_id for m in pull(subscription)} == ids
    raises(exceptions.InvalidArgument, lambda: create("badfilter", filter="attributes."))


def check_snapshot_and_seek():
    topic, subscription = create("seek", retain_acked_messages=True)
    ids = publish(topic, 3)
    snapshot = subscriber.snapshot_path(PROJECT, "before")
    subscriber.create_snapshot(request={"name": snapshot, "subscription": subscription})
    receive(subscription, lambda g: len(g) == 3)
    for target in (
        {"snapshot": snapshot},
        {"time": datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)},
    ):
        subscriber.seek(request={"subscription": subscription, **target})
        assert {m.message.message_id for m in pull(subscription)} == ids
    future = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    subscriber.seek(request={"subscription": subscription, "time": future})
    assert not pull(subscription)


def check_update_and_lists():
    topic, subscription = create("updated")
    updated = subscriber.update_subscription(
        request={
            "subscription": {
                "name": subscription,
                "retry_policy": RetryPolicy(minimum_backoff=duration_pb2.Duration(seconds=5)),
            },
            "update_mask": field_mask_pb2.FieldMask(paths=["retry_policy"]),
        }
    )
    assert updated.retry_policy.minimum_backoff.total_seconds() == 5
    project = f"projects/{PROJECT}"
    names = [t.name for t in publisher.list_topics(request={"project": project, "page_size": 2})]
    assert topic in names and names == sorted(names)
    subs = subscriber.list_subscriptions(request={"project": project, "page_size": 2})
    assert subscription in [s.name for s in subs]
    assert list(publisher.list_topic_subscriptions(request={"topic": topic})) == [subscription]


def check_errors():
    missing = publisher.topic_path(PROJECT, "missing")
    raises(exceptions.NotFound, lambda: publisher.get_topic(request={"topic": missing}))
    raises(exceptions.NotFound, lambda: publisher.publish(missing, b"x").result(timeout=TIMEOUT))
    raises(exceptions.InvalidArgument, lambda: publisher.create_topic(request={"name": publisher.topic_path(PROJECT, "1bad")}))
    topic, _ = create("errors")
    raises(exceptions.AlreadyExists, lambda: publisher.create_topic(request={"name": topic}))
    raises(exceptions.InvalidArgument, lambda: publisher.publish(topic, b"").result(timeout=TIMEOUT))


def check_schema():
    definition = '{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}'
    schema = schemas.create_schema(
        request={"parent": f"projects/{PROJECT}", "schema_id": "order", "schema": Schema(type_=Schema.Type.AVRO, definition=definition)}
    )
    topic = publisher.topic_path(PROJECT, "typed")
    publisher.create_topic(request={"name": topic, "schema_settings": SchemaSettings(schema=schema.name, encoding=Encoding.JSON)})
    publisher.publish(topic, b'{"id":"1"}').result(timeout=TIMEOUT)
    raises(exceptions.InvalidArgument, lambda: publisher.publish(topic, b'{"nr":1}').result(timeout=TIMEOUT))


def check_policy():
    topic, _ = create("policy")
    policy = publisher.get_iam_policy(request={"resource": topic})
    policy.bindings.add(role="roles/pubsub.publisher", members=["user:a@example.com"])
    publisher.set_iam_policy(request={"resource": topic, "policy": policy})
    assert publisher.get_iam_policy(request={"resource": topic}).bindings[0].role == "roles/pubsub.publisher"
    allowed = publisher.test_iam_permissions(request={"resource": topic, "permissions": ["pubsub.topics.publish"]})
    assert list(allowed.permissions) == ["pubsub.topics.publish"]


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
        print("ok", name.removeprefix("check_").replace("_", " "), flush=True)
subscriber.close()
