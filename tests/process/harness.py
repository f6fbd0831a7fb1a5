"""What every process test needs: brokers, workers, the command line, and waiting for conditions with a deadline.

The programs come from the environment (see CMakeLists.txt): BATOND, BATON, HELLO_WORKER, TEST_WORKER, ...
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

# How long anything may take that should happen soon, on a machine that has other things to do.
PATIENCE = 30
POLL_INTERVAL = 0.02
NO_COLOR = {"NO_COLOR": "1"}


def program(name):
    return os.environ[name]


def wait_until(condition, what, seconds=PATIENCE):
    """The first true answer of `condition`; fails with `what` if there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(POLL_INTERVAL)


class Process:
    """A program with its output in files `NAME.out` and `NAME.log` of the test's folder."""

    def __init__(self, folder, name, command, environment=None):
        self.name = name
        self.out_path = Path(folder) / f"{name}.out"
        self.log_path = Path(folder) / f"{name}.log"
        variables = {key: value for key, value in os.environ.items() if not key.startswith("BATON_")}
        variables.update(environment or {})
        with self.out_path.open("ab") as out, self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=variables)

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        """SIGKILL, and gone when this returns."""
        self.popen.kill()
        self.popen.wait()

    def freeze(self):
        """SIGSTOP, and stopped when this returns."""
        self.popen.send_signal(signal.SIGSTOP)
        wait_until(self._is_stopped, f"{self.name} is stopped")

    def _is_stopped(self):
        return Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"

    def thaw(self):
        self.popen.send_signal(signal.SIGCONT)

    def terminate(self, seconds=PATIENCE):
        """SIGTERM; the exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds=PATIENCE):
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds} s:\n{self.log()}") from None

    def runs(self):
        return self.popen.poll() is None

    def out(self):
        return self.out_path.read_text()

    def log(self):
        return self.log_path.read_text()


class Broker(Process):
    """A broker; it serves at `address` when the constructor returns, unless that is told not to wait for it.

    `settings`: "section.key" -> value.
    """

    def __init__(self, folder, data, listen="127.0.0.1:0", settings=None, name="batond", environment=None, waits=True):
        command = [program("BATOND"), "--data-dir", str(data), "--listen", listen]
        if settings:
            command += ["--config", str(write_settings(Path(folder) / f"{name}.toml", settings))]
        out_path = Path(folder) / f"{name}.out"
        self.begin = len(out_path.read_text()) if out_path.exists() else 0
        super().__init__(folder, name, command, environment)
        self.address = wait_until(self._started, lambda: f"{name} serves:\n{self.log()}") if waits else listen

    def _started(self):
        if not self.runs():
            raise AssertionError(f"{self.name} did not start:\n{self.log()}")
        return self.served_at()

    def served_at(self):
        """Its address, if it has begun to serve."""
        found = re.search(r"serving on (\S+) ", self.out()[self.begin:])
        return found and found.group(1)


class Worker(Process):
    """The worker of test_worker.cc; returns when the broker has taken it in."""

    def __init__(self, test, name, capabilities="", **options):
        variables = {"BATON_BROKER": test.broker.address, "WORKER_ID": name, "CAPABILITIES": capabilities,
                     **test.client_environment}
        variables.update({key.upper(): str(value) for key, value in options.items()})
        super().__init__(test.folder, name, [program("TEST_WORKER")], variables)
        test.processes.append(self)
        wait_until(self._is_connected, lambda: f"{name} connects:\n{self.log()}")

    def _is_connected(self):
        if not self.runs():
            raise AssertionError(f"{self.name} did not start:\n{self.log()}")
        return "connected to" in self.log()

    def events(self, event, task=None):
        """What its handlers said, oldest first; a line that is being written is left out."""
        lines = [json.loads(line) for line in self.out().splitlines(True) if line.endswith("\n")]
        return [line for line in lines if line["event"] == event and task in (None, line["task"])]

    def wait_for(self, event, task):
        return wait_until(lambda: self.events(event, task), lambda: f"{self.name} says {event} of task {task}:\n"
                          f"{self.out()}{self.log()}")[0]


@dataclass
class Answer:
    code: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)

    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def write_settings(path, settings):
    """A TOML file of "section.key" -> value."""
    sections = {}
    for name, value in settings.items():
        section, key = name.split(".")
        sections.setdefault(section, []).append(f"{key} = {json.dumps(value)}")
    path.write_text("".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items()))
    return path


def run_program(command, environment=None, stdin=None, seconds=60):
    done = subprocess.run([str(word) for word in command], env={**os.environ, **NO_COLOR, **(environment or {})},
                          input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
                          text=True, timeout=seconds, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


class ProcessTest(unittest.TestCase):
    """A folder of its own, and everything it starts ends with it. A failed test tells where its logs are."""

    # What a subclass wants its broker to be configured with; short intervals keep tests short.
    settings = {}
    # What its workers and its command line find in their environment beside the address of the broker.
    client_environment = {}

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="baton-process-"))
        self.data = self.folder / "data"
        self.processes = []
        self.broker = None
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        for process in reversed(self.processes):
            if process.runs():
                process.thaw()
                process.kill()

    def run(self, result=None):
        result = result or self.defaultTestResult()
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) == before:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            for path in sorted(self.folder.glob("*.log")):
                print(f"--- the end of {path}\n{path.read_text()[-2000:]}", file=sys.stderr)
        return result

    def start_broker(self, **options):
        """Starts the broker on the test's data directory; a second time on the same address."""
        if self.broker is not None:
            options.setdefault("listen", self.broker.address)
        options.setdefault("settings", self.settings)
        self.broker = Broker(self.folder, self.data, **options)
        self.processes.append(self.broker)
        return self.broker

    def start_worker(self, name="worker-1", **options):
        return Worker(self, name, **options)

    def gate(self, name="gate"):
        """A file that handlers wait for; open it with touch()."""
        return self.folder / name

    def baton(self, *arguments, code=0, stdin=None):
        """Runs the command line tool and checks its exit code."""
        command = [program("BATON"), *arguments]
        answer = run_program(command, {"BATON_BROKER": self.broker.address, **self.client_environment}, stdin)
        self.assertEqual(answer.code, code, f"{command}\n{answer.out}\n{answer.err}")
        return answer

    def submit(self, task_type, payload=None, *options):
        """The id of a new task."""
        body = [] if payload is None else ["--json", json.dumps(payload)]
        return int(self.baton("submit", task_type, *body, *options, "--quiet").out)

    def get(self, task):
        return self.baton("get", str(task), "-o", "json").json()

    def wait_for_state(self, task, state, seconds=PATIENCE):
        return wait_until(lambda: self._in_state(task, state), lambda: f"task {task} is {state}: {self.get(task)}",
                          seconds)

    def _in_state(self, task, state):
        shown = self.get(task)
        return shown if shown["state"] == state else None

    def wait_for_end(self, task, state="COMPLETED"):
        """Waits with the tool's own `wait`; the task as it ended."""
        code = 0 if state == "COMPLETED" else 1
        ended = self.baton("--timeout", f"{PATIENCE}s", "wait", str(task), "-o", "json", code=code).json()
        self.assertEqual(ended["state"], state, ended)
        return ended

    def events(self, task):
        """The types of a task's events, oldest first."""
        return [event["type"] for event in self.baton("events", str(task), "-o", "jsonl").json_lines()]

    def attempts(self, task):
        return self.baton("attempts", str(task), "-o", "jsonl").json_lines()

    def outcomes(self, task):
        """(worker, outcome) of each attempt, oldest first."""
        return [(attempt["worker_id"], attempt.get("outcome")) for attempt in self.attempts(task)]
