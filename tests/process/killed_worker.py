"""A worker of the kill loop, which is killed, stopped, continued and told to leave."""

import signal

from harness import POLL_INTERVAL, Process, program

# How long the broker waits for the beat of a worker.
BEAT_WINDOW = 3.0


class Violation(AssertionError):
    """Something is not as it must be."""


class KilledWorker:
    """A worker, process after process."""

    def __init__(self, loop, name):
        self.loop = loop
        self.name = name
        self.starts = 0
        # Chosen for nothing while something is being done to it.
        self.busy = False
        self.start()

    def start(self):
        self.starts += 1
        ledger = self.loop.ledger(f"{self.name}-{self.starts}")
        # Few threads and many tasks at hand, or the other way round: there is something to give back when it leaves.
        concurrency, prefetch = self.loop.random.choice(((2, 8), (4, 4), (10, 0)))
        variables = {"BATON_BROKER": self.loop.broker.address, "WORKER_ID": self.name, "LEDGER": str(ledger),
                     "CONCURRENCY": str(concurrency), "PREFETCH": str(prefetch)}  # yapf: disable
        self.log_begin = self.process.log_path.stat().st_size if self.starts > 1 else 0
        self.process = Process(self.loop.folder, self.name, [program("KILL_WORKER")], variables)
        self.busy = False

    def listens(self):
        """Whether it has got so far that it leaves in good order when it is told to."""
        return "connected to" in self.process.log()[self.log_begin:]

    def kill(self):
        self.process.kill()
        self.loop.counts["worker kills"] += 1
        self.busy = True
        self.loop.later(self.loop.random.uniform(0, 0.5), self.start)

    def stop(self, seconds):
        self.process.freeze()
        self.loop.counts["worker stops"] += 1
        self.busy = True
        self.loop.later(seconds, self.go_on)

    def go_on(self):
        self.process.thaw()
        self.busy = False

    def end(self):
        self.process.signal(signal.SIGTERM)
        self.loop.counts["worker ends"] += 1
        self.busy = True
        self.loop.later(0, self.await_end)

    def await_end(self):
        if self.process.runs():
            self.loop.later(POLL_INTERVAL, self.await_end)
            return
        # It may have had no broker to give its outcomes to.
        last = self.process.log().strip().splitlines()[-1:]
        if self.process.popen.returncode != 0 and "UNAVAILABLE" not in "".join(last):
            raise Violation(f"{self.name} left with {self.process.popen.returncode}: {last}")
        self.start()
