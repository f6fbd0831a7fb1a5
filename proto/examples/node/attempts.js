// The attempts that a worker holds: each runs a handler, and tells the broker how that has ended.
import { setTimeout as sleep } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { isOfBroker, once } from "./broker.js";

export const RETRY_DELAY = 200; // Milliseconds.

// Whether gRPC, not the broker, says that no message can hold the call. Its other failures with this code pass: one of
// both sides has no memory left, or takes no more at once.
function isOversized(error) {
  return error.code === grpc.status.RESOURCE_EXHAUSTED && !isOfBroker(error) && error.details.includes("larger than");
}

export class Attempts {
  held = new Map(); // Attempt token, in hex -> { token, type, began, abort, ended }, until its outcome is answered.
  session = "0";
  lastDelivery = "0";
  limits = null; // Of the latest welcome.

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
      const result = await this.handlers[delivery.type](delivery, signal);
      const refusal = this.tooLarge(result);
      if (refusal) outcome.failed = { error: refusal };
      else outcome.succeeded = { result };
    } catch (error) { // Whatever a handler throws, the task is tried again.
      const text = Buffer.from(String(error)).subarray(0, Number(this.limits.errorBytes)).toString();
      if (signal.aborted) outcome.cancelled = {};
      else outcome.failed = { error: text, retryable: true };
    }
    await this.complete(outcome, signal);
  }

  // Why a result would be refused, or not even fit into a message; false if it is fine.
  tooLarge(result) {
    const size = result?.data?.length ?? Buffer.byteLength(result?.json ?? "");
    const limit = Number(this.limits.payloadBytes);
    return size > limit && `PAYLOAD_TOO_LARGE: the result has ${size} bytes, at most ${limit} are allowed: ` +
      "store it elsewhere and return a reference";
  }

  async complete(outcome, signal) {
    while (!signal.aborted) {
      let refusal;
      try {
        const request = { session: this.session, outcomes: [outcome] };
        const { results: [{ error }] } = await once(this.broker, "complete", request, 30_000);
        // No error: stored. Any but this one: it is not wanted any more (ATTEMPT_OVER).
        if (error?.code !== grpc.status.INVALID_ARGUMENT) return;
        refusal = error.message;
      } catch (error) {
        if (!isOversized(error)) {
          // The broker takes it when it is back: the attempt is named in the next hello.
          await sleep(RETRY_DELAY);
          continue;
        }
        refusal = error.details;
      }
      if (outcome.failed) return;
      outcome = { attemptToken: outcome.attemptToken, failed: { error: refusal, retryable: false } };
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
