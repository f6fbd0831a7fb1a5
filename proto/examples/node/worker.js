// A worker's side of Claim, as proto/README.md tells it step by step.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import { Attempts, RETRY_DELAY } from "./attempts.js";

// Why a worker does not come back after its stream has ended.
const FATAL = [grpc.status.INVALID_ARGUMENT, grpc.status.ALREADY_EXISTS, grpc.status.FAILED_PRECONDITION];

export class Worker {
  instanceId = randomUUID();
  leaving = false;

  constructor(broker, handlers, slots = 10) {
    Object.assign(this, { broker, attempts: new Attempts(broker, handlers) });
    this.offer = { handlers: Object.keys(handlers).map((type) => ({ type })), slots };
  }

  leave() {
    this.leaving = true;
    if (this.stream) this.drain();
  }

  async work() {
    while (this.attempts.held.size > 0 || !this.leaving) {
      try {
        await this.holdSession();
      } catch (error) {
        if (FATAL.includes(error.code) && this.draining) return; // Drained: an operator wants it gone.
        if (FATAL.includes(error.code)) throw error;
      }
      await sleep(RETRY_DELAY);
    }
  }

  async holdSession() {
    const held = [...this.attempts.held.values()];
    const { instanceId, offer: worker, attempts } = this;
    const hello = {
      protocolVersion: 1, workerId: `${hostname()}-${instanceId.slice(0, 8)}`, instanceId, worker,
      heldAttemptTokens: held.map(({ token }) => token), heldTypes: held.map(({ type }) => type),
      lastDelivery: attempts.lastDelivery,
    };
    attempts.lastDelivery = "0";
    this.draining = false;
    this.stream = this.broker.claim();
    this.stream.write({ hello });
    if (this.leaving) this.drain();
    const ended = new AbortController();
    try {
      for await (const message of this.stream) this.takeIn(message, held, ended.signal);
    } finally {
      this.stream = null;
      ended.abort();
    }
  }

  takeIn({ welcome, deliveries, order, updateTaken }, held, ended) {
    const { attempts, stream } = this;
    if (welcome) {
      Object.assign(attempts, { session: welcome.session, limits: welcome.limits });
      const over = held.filter((_, place) => welcome.verdicts[place] !== "ATTEMPT_VERDICT_VALID");
      attempts.stop(over.map(({ token }) => token));
      attempts.beat(this.instanceId, welcome, stream, ended);
    }
    for (const delivery of deliveries?.deliveries ?? []) attempts.begin(delivery);
    if (order?.cancel) attempts.stop(order.cancel.attemptTokens);
    if (order?.drain) this.drain();
    // From here on nothing comes: when all that is held has ended, so has the session.
    if (updateTaken) Promise.allSettled([...attempts.held.values()].map(({ ended }) => ended)).then(() => stream.end());
  }

  drain() {
    this.draining = true;
    this.stream.write({ update: { number: 1 } }); // No slots.
  }
}
