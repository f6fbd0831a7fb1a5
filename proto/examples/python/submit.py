#!/usr/bin/env python3
"""Submits a task to `hello` and prints its result: submit.py [NAME]."""

import itertools
import os
import random
import sys
import time
import uuid

import grpc
from baton.v1 import broker_pb2, broker_pb2_grpc, task_pb2

# Passing troubles: the broker starts, stops or has too much to do.
PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)


def call(method, request, seconds=60):
    """The answer of the broker. Only for what is safe to repeat: it is, until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    for attempt in itertools.count():
        try:
            return method(request, timeout=max(deadline - time.monotonic(), 0), wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() not in PASSING or time.monotonic() > deadline:
                raise
        time.sleep(min(0.1 * 2**attempt, 5) * random.uniform(0.5, 1))


def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "world"
    with grpc.insecure_channel(os.environ.get("BATON_BROKER", "127.0.0.1:7461")) as channel:
        broker = broker_pb2_grpc.TaskBrokerStub(channel)
        task = task_pb2.NewTask(type="hello", payload=task_pb2.Payload(data=name.encode()))
        # With the same request id a repeated call creates nothing twice.
        submitted = call(broker.Submit, broker_pb2.SubmitRequest(request_id=str(uuid.uuid4()), tasks=[task])).results[0]
        if submitted.HasField("error"):
            sys.exit(f"{submitted.error.reason}: {submitted.error.message}")

        wanted = broker_pb2.WaitRequest(task_id=submitted.task_id, parts=broker_pb2.TaskParts(result=True))
        answer = call(broker.Wait, wanted)
        while answer.timed_out:  # After 30 s, if the request says nothing else.
            answer = call(broker.Wait, wanted)
        if answer.task.state != task_pb2.TASK_STATE_COMPLETED:
            sys.exit(f"{task_pb2.TaskState.Name(answer.task.state)}: {answer.task.last_error}")
        print(answer.task.result.data.decode())


if __name__ == "__main__":
    main()
