// A worker of proto/examples/node, with handlers that need all of the contract. Prints what happens to them.
// language_worker.mjs FOLDER: where the example is.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const [folder] = process.argv.slice(2);
const grpc = createRequire(`${folder}/broker.js`)("@grpc/grpc-js");
const { connect } = await import(`${folder}/broker.js`);
const { Worker } = await import(`${folder}/worker.js`);

const broker = connect();
const complete = broker.complete.bind(broker);

const handlers = {
  echo: async ({ payload }) => payload,
  fail: async ({ attempt }) => {
    throw new Error(`no luck with attempt ${attempt}`);
  },
  refused: async () => ({ json: "not JSON" }),
  large: async () => ({ data: Buffer.alloc(5 << 20) }),
  // What is too long for a message is not its data.
  unsendable: async () => ({ data: Buffer.from("x"), contentType: "x".repeat(5 << 20) }),
  loud: async () => {
    throw new Error("x".repeat(5 << 20));
  },
  // Until the file that the payload names is there.
  hold: async ({ taskId, payload }, signal) => {
    console.log(`holding ${taskId}`);
    signal.addEventListener("abort", () => console.log(`stopped ${taskId}`));
    while (!existsSync(payload.data.toString())) await sleep(20, null, { signal });
    return payload;
  },
  // The next Complete, which is that of its outcome, is failed by gRPC, as by one without memory.
  squeezed: async ({ payload }) => {
    broker.complete = (request, options, answered) => {
      broker.complete = complete;
      console.log("out of memory");
      const details = "Bandwidth exhausted or memory limit exceeded";
      const code = grpc.status.RESOURCE_EXHAUSTED;
      const failure = Object.assign(new Error(details), { code, details, metadata: new grpc.Metadata() });
      setImmediate(answered, failure);
    };
    return payload;
  },
};

const worker = new Worker(broker, handlers, 3);
process.once("SIGTERM", () => worker.leave());
try {
  await worker.work();
} finally {
  broker.close();
}
