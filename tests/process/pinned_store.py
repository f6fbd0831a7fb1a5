#!/usr/bin/env python3
"""Makes a small store of this format version, with tasks in every state, for upgrade_test.py to open for ever after.

Usage: pinned_store.py BUILD, with the folder of a build (build/release). Writes pinned/format-VERSION.tar.gz and, what
a broker has to say of it, pinned/format-VERSION.json. A version that is there stays as it is: a store is made once,
when the first broker that writes its format is released.
"""

import json
import os
import sys
import tarfile
import unittest
from pathlib import Path

PINNED = Path(__file__).resolve().parent / "pinned"
# Where the store is within the archive.
TOP = "baton-data"
# What a task tells of now, not of itself.
PASSING = ("runnable", "waiting_for", "version")
# Their handlers ran when the broker was killed, for a file of this name in the worker's folder.
GATE = "pinned-gate"
MOVING = ("running", "held-child")

PROGRAMS = {"BATOND": "bin/batond", "BATON": "bin/baton", "TEST_WORKER": "tests/process_test_worker"}
if __name__ == "__main__" and len(sys.argv) == 2:
    os.environ.update({name: str(Path(sys.argv[1]).resolve() / path) for name, path in PROGRAMS.items()})

# The programs have to be known first.
from harness import Process, ProcessTest, program, run_program, wait_until  # pylint: disable=wrong-import-position

# Nothing goes away however old the store is, and what runs does so until the broker is killed.
SETTINGS = {"retention.ended": "never", "workers.beat_window": "1h", "defaults.timeout": "30d"}


def start_worker(test, name, folder):
    """A worker of test_worker.cc in this folder, where its handlers look for the gate."""
    variables = {"BATON_BROKER": test.broker.address, "WORKER_ID": name, "CONCURRENCY": "8"}
    worker = Process(test.folder, name, ["env", "-C", str(folder), program("TEST_WORKER")], variables)
    test.processes.append(worker)
    wait_until(lambda: "connected to" in worker.log(), lambda: f"{name} connects:\n{worker.log()}")
    return worker


def verified(directory):
    """What `batond verify` counts in a store without damage; its exit code and all it says otherwise."""
    answer = run_program([program("BATOND"), "verify", str(directory)])
    if answer.code != 0:
        return f"{answer.code}: {answer.out}{answer.err}"
    return answer.out.splitlines()[0].split(": ", 1)[1]


def facts_of_task(test, task):
    shown = test.get(task)
    for passing in PASSING:
        shown.pop(passing, None)
    return {"task": shown, "events": test.baton("events", str(task), "-o", "json").json(),
            "attempts": test.baton("attempts", str(task), "-o", "json").json()}


def facts(test, ids):
    """What a broker on this store has to say, today and in years; `ids`: name -> task."""
    types = test.baton("types", "-o", "json").json()
    return {
        "tasks": {name: facts_of_task(test, task) for name, task in ids.items() if name not in MOVING},
        "listed": sorted(task["id"] for task in test.baton("list", "--limit", "0", "-o", "json").json()),
        "tagged": [task["id"] for task in test.baton("list", "--tag", "pinned", "-o", "json").json()],
        "types": {one["type"]: {key: one.get(key) for key in ("options", "pause", "limit")} for one in types},
        "schedule": test.baton("schedule", "show", "monthly", "-o", "json").json(),
        "jobs": test.baton("bulk", "list", "-o", "json").json(),
        "next_task_id": test.baton("info", "-o", "json").json()["next_task_id"],
    }


class StoreMaker(ProcessTest):

    settings = SETTINGS

    def make(self):
        self.start_broker()
        version = self.baton("info", "-o", "json").json()["format_version"]
        archive = PINNED / f"format-{version}.tar.gz"
        self.assertFalse(archive.exists(), f"{archive} is there, and stays")
        worker = start_worker(self, "worker-1", self.folder)
        ids = self.ended_tasks()
        # The checkpoint is written; what follows is in the journal alone.
        worker.terminate()
        self.broker.terminate()
        self.start_broker()
        worker = start_worker(self, "worker-1", self.folder)
        ids.update(self.live_tasks())
        text = {"ids": ids, **facts(self, ids)}
        worker.kill()
        self.broker.kill()
        text["verified"] = verified(self.data)
        PINNED.mkdir(exist_ok=True)
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(self.data, arcname=TOP)
        archive.with_name(f"format-{version}.json").write_text(json.dumps(text, indent=1, sort_keys=True) + "\n")

    def ended_tasks(self):
        tasks = {
            "completed": self.submit("echo", {"text": "Grüße", "n": [1, 2.5, None]}, "--tag", "pinned"),
            "retried": self.submit("fail", {"times": 1}, "--priority", "7"),
            "failed": self.submit("fail", {"times": 9, "final": True}, "--request-id", "pinned-request"),
            "exhausted": self.submit("fail", {"times": 9}, "--max-retries", "2"),
            "parent-completed": self.submit("spawn", {"children": [{"type": "echo", "payload": 1},
                                                                   {"type": "fail", "payload": {"final": True}}]}),
            "approved": self.submit("approve", {"what": "it"}),
            "reported": self.submit("report", {"until": "/"}),
            "cancelled": self.submit("nobody", 1, "--tag", "pinned"),
            "cancelled-in-bulk": self.submit("nobody", 2, "--tag", "in-bulk"),
        }
        self.baton("cancel", str(tasks["cancelled"]), "--reason", "not needed")
        self.baton("bulk", "cancel", "--tag", "in-bulk", "--reason", "nor this", "--wait")
        self.wait_for_state(tasks["approved"], "SUSPENDED")
        self.baton("resume", str(tasks["approved"]), "--decision", '{"yes": true}')
        for name in ("completed", "retried", "parent-completed", "approved", "reported"):
            self.wait_for_end(tasks[name])
        for name in ("failed", "exhausted"):
            self.wait_for_end(tasks[name], "PERMANENTLY_FAILED")
        return tasks

    def live_tasks(self):
        hold = {"type": "hold", "payload": {"until": GATE}}
        self.baton("types", "pause", "held-back", "--reason", "for ever")
        self.baton("types", "limit", "narrow", "3", "--reason", "the printer is slow")
        self.baton("schedule", "create", "monthly", "0 6 1 * *", "echo", "--json", '"by schedule"', "--time-zone",
                   "Europe/Berlin")
        self.baton("schedule", "pause", "monthly", "--reason", "pinned")
        tasks = {
            "waiting": self.submit("nobody", {"n": 1}, "--tag", "pinned", "--priority", "3", "--require", "GPU"),
            "keyed": self.submit("nobody", 1, "--unique-key", "pinned-key"),
            "delayed": self.submit("nobody", 1, "--delay", "1h"),
            "of-paused-type": self.submit("held-back", 1),
            "paused": self.submit("nobody", "paused"),
            "retrying": self.submit("fail", {"times": 9}, "--retry-interval", "1h", "--max-retries", "100"),
            "suspended": self.submit("approve", {"what": "it"}),
            "running": self.submit("hold", hold["payload"]),
            "parent-waiting": self.submit("spawn", {"children": [hold, {"type": "echo", "payload": 1}]}),
        }
        self.baton("pause", str(tasks["paused"]), "--reason", "pinned")
        self.wait_for_state(tasks["running"], "RUNNING")
        self.wait_for_state(tasks["suspended"], "SUSPENDED")
        wait_until(lambda: self.get(tasks["retrying"])["failed_attempts"] == 1, "the retry waits")
        parent = tasks["parent-waiting"]
        wait_until(lambda: self.get(parent).get("children_remaining") == 1, "the parent waits for one child")
        children = self.baton("list", "--parent", str(parent), "--state", "running", "-o", "json").json()
        return {**tasks, "held-child": children[0]["id"]}


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__.strip())
        return 0 if "--help" in sys.argv else 2
    return 0 if unittest.TextTestRunner().run(StoreMaker("make")).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
