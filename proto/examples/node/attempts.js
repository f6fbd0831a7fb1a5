// The attempts that a worker holds: each runs a handler, and tells the broker how that has ended.
import { setTimeout as sleep } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { once } from "./broker.js";

export const RETRY_DELAY = 200; // Milliseconds.

export class Attempts {
  held = new Map(); // Attempt token, in hex -> { token, type, began, abort, ended }, until its outcome is answered.
  session = "0";
  lastDelivery = "0";

  constructor(broker, handlers) {
    Object.assign(this, { broker, handlers });
  }

  begin(delivery) {
    const { attemptToken: token, type, number } = delivery;
    this.lastDelivery = number;
    const attempt = { token, type, began: performance.now(), abort: new AbortController() };
    this.held.set(token.toString("hex"), attempt);
    attempt.ended = this.run(delivery, attempt.abort.signal).finally(() => this.held.delete(token.toString("hex")));
  }

  // Attempts that are over, timed out or cancelled: their outcomes are not wanted.
  stop(tokens) {
    for (const token of tokens) this.held.get(token.toString("hex"))?.abort.abort();
  }

  async run(delivery, signal) {
    const outcome = { attemptToken: delivery.attemptToken };
    try {
      outcome.succeeded = { result: await this.handlers[delivery.type](delivery, signal) };
    } catch (error) { // Whatever a handler throws, the task is tried again.
      if (signal.aborted) outcome.cancelled = {};
      else outcome.failed = { error: String(error), retryable: true };
    }
    await this.complete(outcome, signal);
  }

  async complete(outcome, signal) {
    while (!signal.aborted) {
      try {
        const request = { session: this.session, outcomes: [outcome] };
        const { results: [{ error }] } = await once(this.broker, "complete", request, 30_000);
        // No error: stored. Any but this one: it is not wanted any more (ATTEMPT_OVER).
        if (error?.code !== grpc.status.INVALID_ARGUMENT || outcome.failed) return;
        outcome = { attemptToken: outcome.attemptToken, failed: { error: error.message, retryable: false } };
      } catch { // The broker takes it when it is back: the attempt is named in the next hello.
        await sleep(RETRY_DELAY);
      }
    }
  }

  async beat(instanceId, welcome, stream, ended) {
    for (let number = 1; !ended.aborted; number++) {
      const held = [...this.held.values()].map(({ token, began }) =>
        ({ attemptToken: token, runningUs: Math.round((performance.now() - began) * 1000) }));
      const { session, beatIntervalUs, beatWindowUs } = welcome;
      const beat = { session, instanceId, number, streamOpen: true, lastDelivery: this.lastDelivery, held };
      try {
        const answer = await once(this.broker, "heartbeat", beat, Number(beatWindowUs) / 1000);
        this.stop([...answer.over, ...answer.cancelled]);
        if (answer.reconnect) stream.cancel();
      } catch { /* The next one says it all again. */ }
      await sleep(Number(beatIntervalUs) / 1000, null, { signal: ended }).catch(() => {});
    }
  }
}
