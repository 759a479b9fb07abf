// Speaks to a server with @azure/service-bus and prints "ok NAME" for each check.
// Arguments: a connection string. The server has the queues q, s (sessions) and
// short (one delivery), and the topic t with the subscription all.
import assert from "node:assert/strict";
import { ServiceBusClient } from "@azure/service-bus";

const connection = process.argv[2];

async function one(receiver) {
  const got = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10000 });
  assert.equal(got.length, 1, "messages received");
  return got[0];
}

async function none(receiver) {
  const got = await receiver.receiveMessages(1, { maxWaitTimeInMs: 500 });
  assert.equal(got.length, 0, "messages received");
}

async function raises(code, call) {
  await assert.rejects(call, (err) => {
    assert.equal(err.code, code, err.message);
    return true;
  });
}

const checks = {
  async sendReceiveComplete(c) {
    const s = c.createSender("q"), r = c.createReceiver("q");
    await s.sendMessages({ body: "body", subject: "sub", applicationProperties: { k: 1 } });
    const m = await one(r);
    assert.equal(m.body, "body");
    assert.equal(m.subject, "sub");
    assert.equal(m.applicationProperties.k, 1);
    assert.equal(m.deliveryCount, 0);
    await r.completeMessage(m);
    await none(r);
  },
  async batch(c) {
    const s = c.createSender("q"), r = c.createReceiver("q");
    const b = await s.createMessageBatch();
    for (let i = 0; i < 100; i++) assert(b.tryAddMessage({ body: i }));
    await s.sendMessages(b);
    const seen = [];
    while (seen.length < 100) {
      const got = await r.receiveMessages(100, { maxWaitTimeInMs: 10000 });
      assert(got.length > 0, `only ${seen.length} of 100`);
      for (const m of got) {
        seen.push(m.body);
        await r.completeMessage(m);
      }
    }
    assert.deepEqual(seen, [...Array(100).keys()]);
  },
  async receiveAndDelete(c) {
    await c.createSender("q").sendMessages({ body: "x" });
    await one(c.createReceiver("q", { receiveMode: "receiveAndDelete" }));
    await none(c.createReceiver("q"));
  },
  async subscribe(c) {
    const r = c.createReceiver("q");
    const got = new Promise((resolve, reject) => {
      r.subscribe({ processMessage: async (m) => resolve(m.body), processError: async (e) => reject(e.error) });
    });
    await c.createSender("q").sendMessages({ body: "streamed" });
    assert.equal(await got, "streamed");
    await r.close();
  },
  async abandon(c) {
    const r = c.createReceiver("q");
    await c.createSender("q").sendMessages({ body: "x" });
    await r.abandonMessage(await one(r));
    const m = await one(r);
    assert.equal(m.deliveryCount, 1);
    await r.completeMessage(m);
  },
  async deadLetter(c) {
    const r = c.createReceiver("q");
    await c.createSender("q").sendMessages({ body: "x" });
    await r.deadLetterMessage(await one(r), { deadLetterReason: "why", deadLetterErrorDescription: "because" });
    await none(r);
    const d = c.createReceiver("q", { subQueueType: "deadLetter" });
    const m = await one(d);
    assert.equal(m.deadLetterReason, "why");
    assert.equal(m.deadLetterErrorDescription, "because");
    await d.completeMessage(m);
  },
  async maxDeliveryCount(c) {
    const r = c.createReceiver("short");
    await c.createSender("short").sendMessages({ body: "x" });
    await r.abandonMessage(await one(r));
    const d = c.createReceiver("short", { subQueueType: "deadLetter" });
    const m = await one(d);
    assert.equal(m.deadLetterReason, "MaxDeliveryCountExceeded");
    await d.completeMessage(m);
  },
  async defer(c) {
    const r = c.createReceiver("q");
    await c.createSender("q").sendMessages({ body: "x" });
    const m = await one(r);
    await r.deferMessage(m);
    await none(r);
    const [back] = await r.receiveDeferredMessages(m.sequenceNumber);
    await r.completeMessage(back);
  },
  async peek(c) {
    const s = c.createSender("q"), r = c.createReceiver("q");
    await s.sendMessages([{ body: 1 }, { body: 2 }]);
    assert.deepEqual((await r.peekMessages(10)).map((m) => m.body), [1, 2]);
    for (let i = 0; i < 2; i++) await r.completeMessage(await one(r));
  },
  async renewLock(c) {
    const r = c.createReceiver("q");
    await c.createSender("q").sendMessages({ body: "x" });
    const m = await one(r);
    assert((await r.renewMessageLock(m)) > new Date());
    await r.completeMessage(m);
  },
  async schedule(c) {
    const s = c.createSender("q"), r = c.createReceiver("q");
    const [n] = await s.scheduleMessages({ body: "never" }, new Date(Date.now() + 3600e3));
    await s.cancelScheduledMessages(n);
    await s.scheduleMessages({ body: "soon" }, new Date(Date.now() + 1000));
    const m = await one(r);
    assert.equal(m.body, "soon");
    await r.completeMessage(m);
  },
  async sessions(c) {
    const s = c.createSender("s");
    await s.sendMessages([0, 1, 2].map((i) => ({ body: `a${i}`, sessionId: "a" })));
    await s.sendMessages({ body: "b", sessionId: "b" });
    const r = await c.acceptSession("s", "a");
    assert.equal(r.sessionId, "a");
    await r.setSessionState("state");
    assert.equal(await r.getSessionState(), "state");
    await r.renewSessionLock();
    for (let i = 0; i < 3; i++) {
      const m = await one(r);
      assert.equal(m.body, `a${i}`);
      await r.completeMessage(m);
    }
    await raises("SessionCannotBeLocked", () => c.acceptSession("s", "a"));
    const n = await c.acceptNextSession("s");
    assert.equal(n.sessionId, "b");
    await n.completeMessage(await one(n));
    await n.close();
    await r.setSessionState(null);
    await r.close();
  },
  async noSession(c) {
    await raises("ServiceTimeout", () => c.acceptNextSession("s"));
  },
  async topic(c) {
    const r = c.createReceiver("t", "all");
    await c.createSender("t").sendMessages({ body: "x" });
    await r.completeMessage(await one(r));
  },
  async rules(c) {
    const m = c.createRuleManager("t", "all");
    await m.createRule("big", { sqlExpression: "size > 1" }, { sqlExpression: "SET seen = 1" });
    const names = [];
    for (const r of await m.getRules()) names.push(r.name);
    assert.deepEqual(names, ["$Default", "big"]);
    await m.deleteRule("big");
  },
  async notFound(c) {
    await raises("MessagingEntityNotFound", () => c.createSender("absent").sendMessages({ body: "x" }));
  },
  async tooLarge(c) {
    await raises("MessageSizeExceeded", () => c.createSender("q").sendMessages({ body: "x".repeat(300000) }));
  },
};

let failed = false;
for (const [name, check] of Object.entries(checks)) {
  const c = new ServiceBusClient(connection, { retryOptions: { maxRetries: 0, timeoutInMs: 3000 } });
  try {
    await check(c);
    console.log("ok", name);
  } catch (err) {
    failed = true;
    console.log("FAIL", name);
    console.error(err);
  }
  await c.close();
}
process.exit(failed ? 1 : 0);
