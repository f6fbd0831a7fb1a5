// The broker as JavaScript sees it: the contract by proto-loader, calls as promises.
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

// Passing troubles: the broker starts, stops or has too much to do.
const PASSING = [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED];

// 64-bit numbers are strings here, as a JavaScript number cannot hold all of them.
const contract = loader.loadSync("baton/v1/broker.proto", {
  includeDirs: [fileURLToPath(new URL("../..", import.meta.url))],
  longs: String, enums: String, defaults: true, oneofs: true,
});
const { TaskBroker } = grpc.loadPackageDefinition(contract).baton.v1;

export function connect() {
  // Reconnects at once, rather than after up to two minutes: what a worker runs meanwhile waits to be reported.
  const options = { "grpc.max_reconnect_backoff_ms": 1000 };
  return new TaskBroker(process.env.BATON_BROKER ?? "127.0.0.1:7461", grpc.credentials.createInsecure(), options);
}

// The answer to one call; rejected with a grpc.ServiceError.
export function once(broker, method, request, milliseconds) {
  return new Promise((resolve, reject) => {
    const answered = (error, answer) => (error ? reject(error) : resolve(answer));
    broker[method](request, { deadline: Date.now() + milliseconds }, answered);
  });
}

// Whether the broker itself has refused a call, rather than gRPC on either side.
export function isOfBroker(error) {
  return error.metadata?.get("grpc-status-details-bin").length > 0;
}

// The same as `once`, for what is safe to repeat: it is, with backoff, until the time has passed.
export async function call(broker, method, request, milliseconds = 60_000) {
  const deadline = Date.now() + milliseconds;
  for (let delay = 100; ; delay = Math.min(2 * delay, 5000)) {
    try {
      return await once(broker, method, request, deadline - Date.now());
    } catch (error) {
      if (!PASSING.includes(error.code) || Date.now() + delay > deadline) throw error;
    }
    await sleep(delay * (0.5 + Math.random() / 2));
  }
}
