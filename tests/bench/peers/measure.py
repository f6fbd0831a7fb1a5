"""Measures one system in one mode, on a fresh instance, and verifies that every task ran."""

import array
import json
import math
import os
import subprocess
import time

from processes import Role, Server, Trouble, run
from systems import free_port

MODES = ("lifecycle", "submit", "drain", "latency")
INTERVAL_US = 5000
SYNCS = 200
SYNC_BYTES = 4096
# A server may count with a delay.
COUNT_SECONDS = 20


def quantile(values, part):
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[math.ceil(part * len(ordered)) - 1]


def milliseconds(nanoseconds):
    return {"p50": round(quantile(nanoseconds, 0.5) / 1e6, 3), "p99": round(quantile(nanoseconds, 0.99) / 1e6, 3)}


def lone_syncs(directory):
    """Durations, nanoseconds, of appending a block to a file and syncing it, at the interval of the tasks."""
    path = directory / "lone-sync"
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    durations = []
    for _ in range(SYNCS):
        time.sleep(INTERVAL_US / 1e6)
        begin = time.monotonic_ns()
        os.write(file, b"x" * SYNC_BYTES)
        os.fdatasync(file)
        durations.append(time.monotonic_ns() - begin)
    os.close(file)
    path.unlink()
    return durations


def disk_bytes(directory):
    """What the files take, sparse parts left out."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                pass  # a file that the server has just removed
    return total


class PeerRun:
    """One mode of one peer."""

    def __init__(self, system, mode, tasks, warm_up, tools, directory):
        self.system = system
        self.mode = mode
        self.tasks = tasks
        self.warm_up = warm_up
        self.tools = tools
        self.directory = directory
        self.data = directory / "server"
        self.port = free_port()
        # By which the worker tells the producer how far it is.
        self.credit = os.pipe()

    def measure(self, ahead):
        self.data.mkdir()
        self.directory.chmod(0o711)
        try:
            server = self.system.start(self.data, self.port)
            self._call("prepare")
            disk_before = disk_bytes(self.data)
            producer = self._role("produce", self._pace(ahead) + ["--credit-descriptor", str(self.credit[0])])
            worker = None
            if self.mode != "submit":
                worker = self._role("work", ["--credit-descriptor", str(self.credit[1])])
                worker.await_ready()
            producer.await_ready()
            result = self._run(server, producer, worker)
            result["disk_bytes_per_task"] = (disk_bytes(self.data) - disk_before) / (self.tasks + self.warm_up)
            result["problem"] = self._problem(result)
            return result
        finally:
            Role.kill_all()
            Server.kill_all()
            for descriptor in self.credit:
                os.close(descriptor)

    def _pace(self, ahead):
        if self.mode == "latency":
            return ["--interval-us", str(INTERVAL_US)]
        return ["--ahead", str(ahead)] if self.mode == "lifecycle" else []

    def _run(self, server, producer, worker):
        syncs = lone_syncs(self.directory) if self.mode == "latency" else []
        cpu_before = server.cpu_seconds()
        if worker and self.mode != "drain":
            worker.go()
        producer.go()
        if self.mode == "drain":
            producer.await_done()
            cpu_before = server.cpu_seconds()
            worker.go()
            begin, end = worker.await_done()
        else:
            begin, end = producer.await_done()
            if worker:
                end = worker.await_done()[1]
        cpu_seconds = server.cpu_seconds() - cpu_before
        result = {"tasks": self.tasks, "seconds": (end - begin) / 1e9,
                  "server_cpu_us_per_task": cpu_seconds * 1e6 / self.tasks, **self._outcomes()}  # yapf: disable
        if self.mode == "latency":
            result["lone_sync_ns"] = syncs + lone_syncs(self.directory)
        else:
            result["tasks_per_second"] = self.tasks / result["seconds"]
        return result

    def _outcomes(self):
        """From the entry that the producer and the worker made for each task."""
        submitted_at, acknowledgements = self._read_results("produce")
        result = {"not_acknowledged_once": self.tasks - acknowledgements.count(1)}
        if self.mode != "submit":
            ran_at, runs = self._read_results("work")
            result["not_run"] = runs.count(0)
            result["run_again"] = sum(runs) - self.tasks + runs.count(0)
            result["latency_ms"] = milliseconds([ran - sent for ran, sent in zip(ran_at, submitted_at)])
        return result

    def _read_results(self, role):
        data = (self.directory / role).read_bytes()
        times, counts = array.array("q"), array.array("I")
        times.frombytes(data[:8 * self.tasks])
        counts.frombytes(data[8 * self.tasks:])
        if len(times) != self.tasks or len(counts) != self.tasks:
            raise Trouble(f"{self.system.name}: the results of '{role}' are not complete")
        return times, counts

    def _problem(self, result):
        """Why the run does not count, or None."""
        for name in ("not_acknowledged_once", "not_run"):
            if result.get(name):
                return f"{name.replace('_', ' ')}: {result[name]} tasks"
        everything = self.tasks + self.warm_up
        waiting = everything if self.mode == "submit" else 0
        finished = everything if self.system.keeps_finished and self.mode != "submit" else 0
        expected = f"waiting {waiting} finished {finished}"
        deadline = time.monotonic() + COUNT_SECONDS
        while (counts := self._call("count")) != expected:
            if time.monotonic() > deadline:
                return f"the server has '{counts}' instead of '{expected}'"
            time.sleep(0.5)
        return None

    def _command(self, role):
        return [*self.system.role_command(self.tools), role, *self.system.role_arguments(self.port)]

    def _call(self, role):
        return run(self._command(role), environment=self.system.role_environment(self.tools)).strip()

    def _role(self, role, arguments):
        paced = ["--paced"] if self.mode == "latency" else []
        return Role([*self._command(role), "--tasks", str(self.tasks), "--warm-up", str(self.warm_up), "--results",
                     str(self.directory / role), *paced, *arguments],
                    environment=self.system.role_environment(self.tools), descriptors=self.credit)  # yapf: disable


def measure_baton(mode, tasks, warm_up, ahead, binaries, directory):
    """By baton-bench, which verifies for itself."""
    arguments = [binaries / "baton-bench", {"drain": "backlog-drain"}.get(mode, mode), "--json", "--dir", directory,
                 "--batond", binaries / "batond", "--tasks", str(tasks), "--warm-up", str(warm_up)]  # yapf: disable
    if mode == "lifecycle":
        arguments += ["--ahead", str(ahead)]
    if mode == "latency":
        arguments += ["--rate", str(1_000_000 // INTERVAL_US)]
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True)
    # It also reports a run that it could not verify.
    if not done.stdout.startswith("{"):
        raise Trouble(f"baton-bench ended with code {done.returncode}: {done.stderr.strip()[-2000:]}")
    report = json.loads(done.stdout)
    result = {"tasks": tasks, "problem": None if report["verified"] else report.get("problem", "not verified")}
    for name in ("seconds", "tasks_per_second", "latency_ms", "lone_sync_ms"):
        if name in report:
            result[name] = report[name]
    result["server_cpu_us_per_task"] = report["broker_cpu_us_per_task"]
    result["disk_bytes_per_task"] = report["disk_mib"] * 2**20 / (tasks + warm_up)
    return result
