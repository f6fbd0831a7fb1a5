"""A worker of proto/examples/python, with handlers that need all of the contract. Prints what happens to them."""

import asyncio
import os
import signal
from pathlib import Path

import grpc
from baton.v1 import broker_pb2_grpc, task_pb2
from worker import Worker


def say(text):
    print(text, flush=True)


async def echo(delivery):
    return delivery.payload


async def fail(delivery):
    raise ValueError(f"no luck with attempt {delivery.attempt}")


async def refused(_):
    return task_pb2.Payload(json="not JSON")


async def large(_):
    return task_pb2.Payload(data=bytes(5 << 20))


async def unsendable(_):
    """What is too long for a message is not its data."""
    return task_pb2.Payload(data=b"x", content_type="x" * (5 << 20))


async def loud(_):
    raise ValueError("x" * (5 << 20))


async def hold(delivery):
    """Until the file that the payload names is there."""
    say(f"holding {delivery.task_id}")
    try:
        while not Path(delivery.payload.data.decode()).exists():
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        say(f"stopped {delivery.task_id}")
        raise
    return delivery.payload


class ShortOfMemory:
    """A stub of the broker. gRPC fails the first Complete after `squeezed` has run, as one does that has no memory."""

    def __init__(self, stub):
        self.stub, self.fails = stub, False

    def __getattr__(self, name):
        return getattr(self.stub, name)

    async def squeezed(self, delivery):
        self.fails = True
        return delivery.payload

    async def Complete(self, request, timeout):
        if self.fails:
            self.fails = False
            say("out of memory")
            raise grpc.aio.AioRpcError(grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata(), grpc.aio.Metadata(),
                                       "Bandwidth exhausted or memory limit exceeded")
        return await self.stub.Complete(request, timeout=timeout)


async def main():
    options = [("grpc.max_reconnect_backoff_ms", 1000)]
    async with grpc.aio.insecure_channel(os.environ["BATON_BROKER"], options) as channel:
        broker = ShortOfMemory(broker_pb2_grpc.TaskBrokerStub(channel))
        handlers = {"echo": echo, "fail": fail, "refused": refused, "large": large, "unsendable": unsendable,
                    "loud": loud, "hold": hold, "squeezed": broker.squeezed}  # yapf: disable
        worker = Worker(broker, handlers, slots=3)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.leave)
        await worker.work()


if __name__ == "__main__":
    asyncio.run(main())
