#!/usr/bin/env node
// Runs tasks of type `hello`. On SIGTERM and SIGINT it takes nothing new, finishes what it runs, and ends.
import { connect } from "./broker.js";
import { Worker } from "./worker.js";

// What a handler returns is the result of the task. If it throws something, the task is tried again.
async function hello(delivery) {
  const { data, json } = delivery.payload ?? {};
  return { data: Buffer.from(`Hello, ${data ?? json ?? ""}!`) };
}

const broker = connect();
const worker = new Worker(broker, { hello });
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => worker.leave());
try {
  await worker.work();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  broker.close();
}
