#!/usr/bin/env python3
"""Runs tasks of type `hello`. On SIGTERM and SIGINT it takes nothing new, finishes what it runs, and ends."""

import asyncio
import os
import signal

import grpc
from baton.v1 import broker_pb2_grpc, task_pb2
from worker import Worker


async def hello(delivery):
    """What a handler returns is the result of the task. If it raises something, the task is tried again."""
    name = delivery.payload.data.decode() or delivery.payload.json
    return task_pb2.Payload(data=f"Hello, {name}!".encode())


async def main():
    # Reconnects at once, rather than after up to two minutes: what runs meanwhile waits to be reported.
    options = [("grpc.max_reconnect_backoff_ms", 1000)]
    async with grpc.aio.insecure_channel(os.environ.get("BATON_BROKER", "127.0.0.1:7461"), options) as channel:
        worker = Worker(broker_pb2_grpc.TaskBrokerStub(channel), {"hello": hello})
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, worker.leave)
        await worker.work()


if __name__ == "__main__":
    asyncio.run(main())
