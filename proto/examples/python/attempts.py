"""The attempts that a worker holds: each runs a handler, a coroutine, and tells the broker how that has ended."""

import asyncio
import itertools
import time

import grpc
from baton.v1 import worker_pb2 as wire
from reason import reason

RETRY_DELAY = 0.2  # Seconds.


def is_oversized(failure):
    """Whether gRPC, not the broker, says that no message can hold the call. Its other failures with this code pass."""
    # For example when one of both sides has no memory left, or takes no more at once.
    return (failure.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and not reason(failure) and
            "larger than" in failure.details())


class Attempts:

    def __init__(self, broker, handlers):
        self.broker, self.handlers, self.session, self.last_delivery = broker, handlers, 0, 0
        self.limits = None  # Of the latest welcome.
        self.held = {}  # Attempt token -> (its asyncio.Task, type, when it began), until its outcome is answered.

    def begin(self, delivery):
        self.last_delivery = delivery.number
        attempt = asyncio.create_task(self.run(delivery))
        self.held[delivery.attempt_token] = (attempt, delivery.type, time.monotonic())
        attempt.add_done_callback(lambda _: self.held.pop(delivery.attempt_token))

    def stop(self, tokens):
        """Attempts that are over, or cancelled: their outcomes are not wanted."""
        for token in tokens:
            if token in self.held:
                self.held[token][0].cancel()

    async def run(self, delivery):
        outcome = wire.Outcome(attempt_token=delivery.attempt_token)
        try:
            result = await asyncio.wait_for(self.handlers[delivery.type](delivery), delivery.timeout_us / 1e6)
            size = max(len(result.data), len(result.json.encode()))
            if size > self.limits.payload_bytes:  # It would be refused, or not even fit into a message.
                outcome.failed.error = (f"PAYLOAD_TOO_LARGE: the result has {size} bytes, at most "
                                        f"{self.limits.payload_bytes} are allowed: store it elsewhere and return a "
                                        "reference")
            else:
                outcome.succeeded.result.CopyFrom(result)
        except asyncio.CancelledError:
            outcome.cancelled.SetInParent()
        except Exception as error:  # Whatever a handler raises, the task is tried again.
            text = f"{type(error).__name__}: {error}"
            outcome.failed.error, outcome.failed.retryable = text[:self.limits.error_bytes], True
        await self.complete(outcome)

    async def complete(self, outcome):
        while True:
            try:
                request = wire.CompleteRequest(session=self.session, outcomes=[outcome])
                error = (await self.broker.Complete(request, timeout=30)).results[0].error
                refusal = error.message if error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0] else None
            except grpc.aio.AioRpcError as failure:
                if not is_oversized(failure):
                    # The broker takes it when it is back: the attempt is named in the next hello.
                    await asyncio.sleep(RETRY_DELAY)
                    continue
                refusal = failure.details()
            if refusal is None or outcome.HasField("failed"):
                return  # Stored, or not wanted any more (ATTEMPT_OVER).
            outcome.failed.error, outcome.failed.retryable = refusal, False

    async def beat(self, instance_id, welcome, stream):
        for number in itertools.count(1):
            held = [wire.HeldAttempt(attempt_token=token, running_us=int((time.monotonic() - began) * 1e6))
                    for token, (_, _, began) in self.held.items()]
            beat = wire.HeartbeatRequest(session=welcome.session, instance_id=instance_id, number=number,
                                         stream_open=True, last_delivery=self.last_delivery, held=held)
            try:
                answer = await self.broker.Heartbeat(beat, timeout=welcome.beat_window_us / 1e6)
                self.stop([*answer.over, *answer.cancelled])
                if answer.reconnect:
                    stream.cancel()
            except grpc.aio.AioRpcError:
                pass  # The next one says it all again.
            await asyncio.sleep(welcome.beat_interval_us / 1e6)
