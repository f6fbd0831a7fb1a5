#!/usr/bin/env python3
"""The kill loop: broker and workers are killed, stopped, continued and restarted at random, under load, while ledgers
outside of Baton record every acknowledgement. In the end everything has to be as it was acknowledged.

A run goes on until the given number of kills is reached; the choices follow from the seed (what the processes make of
them depends on the machine). The audit reads every task with its history, see kill_loop/check.h for what must hold.
"""

import argparse
import heapq
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import POLL_INTERVAL, Broker, Process, program, run_program, wait_until

BEAT_WINDOW = 3.0
# The first one is left alone: what it was handed stays with it, whatever happens to the broker.
WORKERS = ("steady", "worker-1", "worker-2", "worker-3")
# Of each action, how many come with five kills of the broker; the kills themselves are counted.
DECK = {
    "kill broker": 4, "kill both": 1, "kill worker": 9,
    "stop broker shortly": 2, "stop broker for long": 1, "end broker": 1,
    "stop worker shortly": 2, "stop worker for long": 2, "end worker": 2,
}  # yapf: disable
KILLS_IN_DECK = 5
# The longest time between two actions.
LONGEST_PAUSE = 0.6
# How long everything may take to end when nothing is killed any more.
PATIENCE_IN_THE_END = 120


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


class KillLoop:

    def __init__(self, folder, seed, kills=None, minutes=None, say=print):
        self.folder = Path(folder)
        self.seed = seed
        self.kills = kills
        self.end_at = time.monotonic() + minutes * 60 if minutes else None
        self.say = say
        self.random = random.Random(seed)
        self.counts = Counter()
        self.ledgers = []
        self.due = []
        self.started_at = time.monotonic()
        self.settings = self.draw_settings()
        self.broker = None
        self.workers = []
        self.submitter = None

    def draw_settings(self):
        """Short intervals, and now and then so little memory that everything has to be read back."""
        settings = {
            "workers.beat_interval": "1s", "workers.beat_window": f"{BEAT_WINDOW:g}s",
            "server.drain_deadline": "5s", "limits.interruptions": 1000, "limits.inline_children": 20,
        }  # yapf: disable
        tight = {
            "engine.page_interval": "200ms", "engine.page_journal_bytes": 1 << 20, "engine.resident_tasks": 1024,
            "storage.memtable_bytes": 1 << 20,
        }  # yapf: disable
        settings.update({name: value for name, value in tight.items() if self.random.random() < 0.5})
        return settings

    # ── What goes on beside ──

    def ledger(self, name):
        self.ledgers.append(self.folder / f"ledger-{name}")
        return self.ledgers[-1]

    def later(self, seconds, action):
        heapq.heappush(self.due, (time.monotonic() + seconds, len(self.due), id(action), action))

    def let_pass(self, seconds, without=None):
        """Time passes under load; what is due is done, and who should be running is looked after."""
        deadline = time.monotonic() + seconds
        while True:
            while self.due and self.due[0][0] <= time.monotonic():
                heapq.heappop(self.due)[-1]()
            self.look_after(without)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_INTERVAL))

    def look_after(self, without):
        for worker in self.workers:
            if not worker.busy and not worker.process.runs():
                raise Violation(f"{worker.name} left with {worker.process.popen.returncode}:\n"
                                f"{worker.process.log()[-2000:]}")
        for process in (self.broker, self.submitter):
            if process is not without and not process.runs():
                raise Violation(f"{process.name} left with {process.popen.returncode}:\n{process.log()[-2000:]}")

    # ── Actions ──

    def start_broker(self):
        listen = self.broker.address if self.broker else "127.0.0.1:0"
        self.broker = Broker(self.folder, self.folder / "data", listen, self.settings)

    def kill_broker(self):
        self.broker.kill()
        self.counts["broker kills"] += 1
        self.let_pass(self.random.choice((0, 0, 0.2, 1)), without=self.broker)
        self.start_broker()

    def kill_both(self):
        victim = self.victim()
        if victim:
            victim.kill()
        self.kill_broker()

    def stop_broker(self, seconds):
        self.broker.freeze()
        self.counts["broker stops"] += 1
        self.let_pass(seconds)
        self.broker.thaw()

    def end_broker(self):
        code = self.broker.terminate()
        if code != 0:
            raise Violation(f"the broker left with {code} when it was told to:\n{self.broker.log()[-2000:]}")
        self.counts["broker ends"] += 1
        self.start_broker()

    def victim(self, who=lambda worker: True):
        idle = [worker for worker in self.workers[1:] if not worker.busy and who(worker)]
        return self.random.choice(idle) if idle else None

    def do(self, action):
        """False: there is nobody to do it to at present."""
        broker = {
            "kill broker": self.kill_broker,
            "kill both": self.kill_both,
            "stop broker shortly": lambda: self.stop_broker(self.random.uniform(0.1, BEAT_WINDOW - 1)),
            "stop broker for long": lambda: self.stop_broker(BEAT_WINDOW + 1),
            "end broker": self.end_broker,
        }
        if action in broker:
            broker[action]()
            return True
        victim = self.victim(KilledWorker.listens) if action == "end worker" else self.victim()
        if victim is None:
            return False
        {
            "kill worker": victim.kill,
            "stop worker shortly": lambda: victim.stop(self.random.uniform(0.1, BEAT_WINDOW - 1)),
            "stop worker for long": lambda: victim.stop(BEAT_WINDOW + self.random.uniform(0.5, 2)),
            "end worker": victim.end,
        }[action]()
        return True

    def actions(self):
        """Decks of actions, shuffled, until there were enough kills of both sorts, or the time is up."""
        while True:
            deck = [action for action, count in DECK.items() for _ in range(count)]
            self.random.shuffle(deck)
            for action in deck:
                if self.has_enough():
                    return
                yield action

    def has_enough(self):
        if self.end_at:
            return time.monotonic() >= self.end_at
        return self.counts["broker kills"] >= self.kills and self.counts["worker kills"] >= 2 * self.kills

    # ── The run ──

    def run(self):
        """The summary of the audit. Raises Violation."""
        self.say(f"kill loop: seed {self.seed}, in {self.folder}, settings {self.settings}")
        self.start_broker()
        self.workers = [KilledWorker(self, name) for name in WORKERS]
        variables = {"BATON_BROKER": self.broker.address, "LEDGER": str(self.ledger("submitter")),
                     "SEED": str(self.seed)}  # yapf: disable
        self.submitter = Process(self.folder, "submitter", [program("KILL_SUBMITTER")], variables)
        said_at = time.monotonic()
        for action in self.actions():
            self.let_pass(self.random.uniform(0, LONGEST_PAUSE))
            while not self.do(action):
                self.let_pass(POLL_INTERVAL)
            if time.monotonic() - said_at > 10:
                said_at = time.monotonic()
                self.say(self.progress())
        self.let_everything_end()
        return self.audit()

    def progress(self):
        done = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{time.monotonic() - self.started_at:6.1f} s: {done}"

    def let_everything_end(self):
        while self.due:
            self.let_pass(POLL_INTERVAL)
        self.submitter.signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_IN_THE_END
        while self.submitter.runs():
            if time.monotonic() > deadline:
                raise Violation(f"not everything has ended after {PATIENCE_IN_THE_END} s:\n{self.what_is_left()}")
            self.let_pass(POLL_INTERVAL, without=self.submitter)
        if self.submitter.popen.returncode != 0:
            raise Violation(f"the submitter left with {self.submitter.popen.returncode}")
        wait_until(lambda: all(worker.listens() for worker in self.workers), "all workers are connected")
        for worker in self.workers:
            worker.busy = True
            worker.process.signal(signal.SIGTERM)
        for worker in self.workers:
            code = worker.process.wait()
            if code != 0:
                raise Violation(f"{worker.name} left with {code}:\n{worker.process.log()[-2000:]}")

    def what_is_left(self):
        answers = [self.baton("list", "--state", state) for state in ("pending", "running", "suspended")]
        return "\n".join(answer.out[:2000] + answer.err for answer in [self.baton("workers"), *answers])

    def baton(self, *arguments):
        return run_program([program("BATON"), *arguments], {"BATON_BROKER": self.broker.address})

    def audit(self):
        """Of what a broker shows that has just recovered from a kill."""
        self.broker.kill()
        self.counts["broker kills"] += 1
        self.start_broker()
        self.say(self.progress() + "; auditing")
        ledgers = [path for path in self.ledgers if path.exists()]
        answer = run_program([program("KILL_AUDITOR"), *ledgers], {"BATON_BROKER": self.broker.address}, seconds=1800)
        if answer.code != 0:
            raise Violation(f"the audit failed:\n{answer.out}{answer.err}")
        summary = {**self.counts, **json.loads(answer.out.splitlines()[-1])}
        if self.broker.terminate() != 0:
            raise Violation(f"the broker did not leave as it should:\n{self.broker.log()[-2000:]}")
        summary["store verified"] = self.verify_store()
        summary["seconds"] = round(time.monotonic() - self.started_at, 1)
        return summary

    def verify_store(self):
        """False: this broker has no such verb."""
        if "verify" not in run_program([program("BATOND"), "verify", "--help"]).out:
            return False
        answer = run_program([program("BATOND"), "verify", self.folder / "data"], seconds=600)
        if answer.code != 0:
            raise Violation(f"the store is damaged:\n{answer.out[-4000:]}{answer.err[-4000:]}")
        return True

    def clean_up(self):
        for process in [self.broker, self.submitter, *(worker.process for worker in self.workers)]:
            if process is not None and process.runs():
                process.thaw()
                process.kill()


def run_kill_loop(seed, kills=None, minutes=None, say=print):
    """Runs in a folder of its own, which stays there if something is wrong."""
    folder = tempfile.mkdtemp(prefix="baton-kill-loop-")
    loop = KillLoop(folder, seed, kills, minutes, say)
    try:
        summary = loop.run()
    except BaseException:
        say(f"kill loop: seed {seed} failed; ledgers, logs and store are in {folder}")
        raise
    finally:
        loop.clean_up()
    shutil.rmtree(folder)
    return summary


def use_build(folder):
    """The programs of a build directory, unless the environment names others."""
    tests = {"KILL_AUDITOR": "auditor", "KILL_SUBMITTER": "submitter", "KILL_WORKER": "worker"}
    os.environ.setdefault("BATOND", str(folder / "bin/batond"))
    os.environ.setdefault("BATON", str(folder / "bin/baton"))
    for name, stem in tests.items():
        os.environ.setdefault(name, str(folder / "tests" / f"process_kill_{stem}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5, help="kills of the broker (5); twice as many of workers")
    parser.add_argument("--minutes", type=float, help="go on for so long instead")
    parser.add_argument("--seed", type=int, default=None, help="decides all choices; drawn and printed if not given")
    parser.add_argument("--build", type=Path, default=Path(__file__).resolve().parents[2] / "build/release",
                        help="build directory with the programs")
    options = parser.parse_args()
    use_build(options.build)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    try:
        summary = run_kill_loop(seed, options.kills, options.minutes, lambda text: print(text, flush=True))
    except AssertionError as violation:
        print(f"kill loop: FAILED with seed {seed}: {violation}")
        return 1
    print(f"kill loop: seed {seed} passed: {json.dumps(summary)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
