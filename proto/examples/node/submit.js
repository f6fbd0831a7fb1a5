#!/usr/bin/env node
// Submits a task to `hello` and prints its result: submit.js [NAME].
import { randomUUID } from "node:crypto";
import { call, connect } from "./broker.js";

const broker = connect();
const [name = "world"] = process.argv.slice(2);

try {
  const tasks = [{ type: "hello", payload: { data: Buffer.from(name) } }];
  // With the same request id a repeated call creates nothing twice.
  const { results: [submitted] } = await call(broker, "submit", { requestId: randomUUID(), tasks });
  if (submitted.error) throw new Error(`${submitted.error.reason}: ${submitted.error.message}`);

  let answer;
  do {
    answer = await call(broker, "wait", { taskId: submitted.taskId, parts: { result: true } });
  } while (answer.timedOut); // After 30 s, if the request says nothing else.
  if (answer.task.state !== "TASK_STATE_COMPLETED") throw new Error(`${answer.task.state}: ${answer.task.lastError}`);
  console.log(answer.task.result.data.toString());
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  broker.close();
}
