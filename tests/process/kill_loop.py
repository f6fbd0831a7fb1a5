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
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from harness import POLL_INTERVAL, Broker, Process, program, run_program, wait_until
from killed_worker import BEAT_WINDOW, KilledWorker, Violation

# The first one is left alone: what it was handed stays with it, whatever happens to the broker.
WORKERS = ("steady", "worker-1", "worker-2", "worker-3")
# Of each action, how many come with five kills of the broker; the kills themselves are counted.
DECK = {
    "kill broker": 2, "kill starting broker": 1, "kill draining broker": 1, "kill both": 1, "kill worker": 9,
    "stop broker shortly": 2, "stop broker for long": 1, "end broker": 1,
    "stop worker shortly": 2, "stop worker for long": 2, "end worker": 2,
}  # yapf: disable
KILLS_IN_DECK = 5
# A run goes on until there were so many for every five kills that are wanted.
WANTED = {"broker kills": 5, "kills of a starting broker": 1, "kills of a draining broker": 1, "worker kills": 10}
# Lines of the ledgers without which the audit would not see that attempts that are over stay as they are.
WANTED_LINES = {
    "an outcome that was refused": r"outcome \S+ \S+ \S+ ATTEMPT_OVER$",
    "an outcome that was repeated": r"repeat ",
    "a forged outcome": r"forgery ",
}  # yapf: disable
# The longest time between two actions.
LONGEST_PAUSE = 0.6
# How long everything may take to end when nothing is killed any more.
PATIENCE_IN_THE_END = 120


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
        # How long it took it to start, and to leave when it was told to: the moments of its kills lie in between.
        self.start_seconds = 0
        self.drain_seconds = 0.1
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

    def start_broker(self, waits=True):
        listen = self.broker.address if self.broker else "127.0.0.1:0"
        begin = time.monotonic()
        self.broker = Broker(self.folder, self.folder / "data", listen, self.settings, waits=waits)
        if waits:
            self.start_seconds = time.monotonic() - begin

    def kill_broker(self):
        self.broker.kill()
        self.counts["broker kills"] += 1
        self.let_pass(self.random.choice((0, 0, 0.2, 1)), without=self.broker)
        self.start_broker()

    def kill_starting_broker(self):
        """Before it serves: while it opens the store that another kill has left, or recovers."""
        self.broker.kill()
        self.counts["broker kills"] += 1
        while True:
            self.start_broker(waits=False)
            self.let_pass(self.random.uniform(0, self.start_seconds))
            self.broker.kill()
            if not self.broker.served_at():
                break
            # It was faster than the last time.
            self.counts["broker kills"] += 1
            self.start_seconds /= 2
        self.counts["kills of a starting broker"] += 1
        self.start_broker()

    def kill_draining_broker(self):
        """Told to leave, and killed before it has left."""
        while True:
            self.begin_drain()
            self.let_pass(self.random.uniform(0, self.drain_seconds), without=self.broker)
            self.broker.kill()
            if self.broker.popen.returncode == -signal.SIGKILL:
                break
            # It had left before.
            self.await_drain()
            self.drain_seconds /= 2
            self.start_broker()
            # Without anything that runs it leaves at once.
            self.let_pass(LONGEST_PAUSE)
        self.counts["broker kills"] += 1
        self.counts["kills of a draining broker"] += 1
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
        begin = time.monotonic()
        self.begin_drain()
        self.await_drain()
        self.drain_seconds = time.monotonic() - begin
        self.start_broker()

    def begin_drain(self):
        begin = len(self.broker.log())
        self.broker.signal(signal.SIGTERM)
        wait_until(lambda: "told to stop" in self.broker.log()[begin:], "the broker drains")

    def await_drain(self):
        code = self.broker.wait()
        if code != 0:
            raise Violation(f"the broker left with {code} when it was told to:\n{self.broker.log()[-2000:]}")
        self.counts["broker ends"] += 1

    def victim(self, who=lambda worker: True):
        idle = [worker for worker in self.workers[1:] if not worker.busy and who(worker)]
        return self.random.choice(idle) if idle else None

    def do(self, action):
        """False: there is nobody to do it to at present."""
        broker = {
            "kill broker": self.kill_broker,
            "kill starting broker": self.kill_starting_broker,
            "kill draining broker": self.kill_draining_broker,
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
        """Decks of actions, shuffled, until there were enough kills of all sorts, or the time is up."""
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
        return all(self.counts[name] * KILLS_IN_DECK >= count * self.kills for name, count in WANTED.items())

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
        self.await_wanted_lines()
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

    def await_wanted_lines(self):
        """They come of themselves under load: in almost every run all are there by now."""
        deadline = time.monotonic() + PATIENCE_IN_THE_END
        for what, pattern in WANTED_LINES.items():
            while not self.has_line(re.compile(pattern)):
                if time.monotonic() > deadline:
                    raise Violation(f"after {PATIENCE_IN_THE_END} s more there was no {what}")
                self.let_pass(1)

    def has_line(self, pattern):
        for path in self.ledgers:
            if not path.exists():
                continue
            with path.open(encoding="utf-8") as lines:
                if any(pattern.match(line) for line in lines):
                    return True
        return False

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
        self.verify_store()
        summary["seconds"] = round(time.monotonic() - self.started_at, 1)
        return summary

    def verify_store(self):
        """Also a broker without this verb is a violation: nobody would have looked."""
        answer = run_program([program("BATOND"), "verify", self.folder / "data"], seconds=600)
        if answer.code != 0 or "No damage was found." not in answer.out:
            raise Violation(f"the store is damaged, or was not verified ({answer.code}):\n"
                            f"{answer.out[-4000:]}{answer.err[-4000:]}")

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
