"""A worker's side of Claim, as proto/README.md tells it step by step."""

import asyncio
import socket
import uuid

import grpc
from attempts import RETRY_DELAY, Attempts
from baton.v1 import worker_pb2 as wire

# Why a worker does not come back after its stream has ended.
FATAL = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.FAILED_PRECONDITION)


class Worker:

    def __init__(self, broker, handlers, slots=10):
        self.broker, self.attempts, self.instance_id = broker, Attempts(broker, handlers), uuid.uuid4().hex
        self.offer = wire.WorkerUpdate(handlers=[wire.Handler(type=name) for name in handlers], slots=slots)
        self.leaving, self.drain, self.nothing_comes = False, asyncio.Event(), asyncio.Event()

    def leave(self):
        self.leaving = True
        self.drain.set()

    async def work(self):
        while self.attempts.held or not self.leaving:
            try:
                await self.hold_session()
            except grpc.aio.AioRpcError as error:
                if error.code() in FATAL and self.drain.is_set():
                    return  # Drained: an operator wants it gone.
                if error.code() in FATAL:
                    raise
            await asyncio.sleep(RETRY_DELAY)

    async def hold_session(self):
        attempts, held = self.attempts, {token: name for token, (_, name, _) in self.attempts.held.items()}
        hello = wire.Hello(protocol_version=1, worker_id=f"{socket.gethostname()}-{self.instance_id[:8]}",
                           instance_id=self.instance_id, worker=self.offer, held_attempt_tokens=held.keys(),
                           held_types=held.values(), last_delivery=attempts.last_delivery)
        attempts.last_delivery = 0
        self.nothing_comes.clear()
        if not self.leaving:
            self.drain.clear()
        stream = self.broker.Claim(self.say(hello))
        welcome = (await stream.read()).welcome
        attempts.session, attempts.limits = welcome.session, welcome.limits
        attempts.stop(token for token, verdict in zip(held, welcome.verdicts) if verdict != wire.ATTEMPT_VERDICT_VALID)
        beats = asyncio.create_task(attempts.beat(self.instance_id, welcome, stream))
        try:
            while (message := await stream.read()) is not grpc.aio.EOF:
                self.take_in(message)
        except asyncio.CancelledError:
            if not stream.cancelled():  # By a beat, because the broker does not know the session.
                raise
        finally:
            beats.cancel()

    def take_in(self, message):
        for delivery in message.deliveries.deliveries:
            self.attempts.begin(delivery)
        self.attempts.stop(message.order.cancel.attempt_tokens)
        if message.order.HasField("drain"):
            self.drain.set()
        if message.HasField("update_taken"):
            self.nothing_comes.set()

    async def say(self, hello):
        """What goes out on the stream, which is closed after it."""
        yield wire.ClaimRequest(hello=hello)
        await self.drain.wait()
        yield wire.ClaimRequest(update=wire.WorkerUpdate(number=1))  # No slots.
        await self.nothing_comes.wait()
        while self.attempts.held:
            await asyncio.wait([attempt for attempt, _, _ in self.attempts.held.values()])
