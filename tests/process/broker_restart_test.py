#!/usr/bin/env python3
"""A broker that is killed or stopped, then started again on its data: what was acknowledged is there and goes on."""

import signal
import threading
import unittest

from harness import ProcessTest, program, run_program, wait_until

CHUNK = 20


class Submitter(threading.Thread):
    """Submits tasks `CHUNK` at a time, each call with its own request id and repeated until it is answered."""

    def __init__(self, test):
        super().__init__(daemon=True)
        self._test = test
        self._told_to_stop = threading.Event()
        self.acknowledged = []
        self.refused_calls = 0

    def run(self):
        number = 0
        while not self._told_to_stop.is_set():
            number += 1
            self._submit(number)

    def _submit(self, number):
        words = ["submit", "echo", "--json", str(number), "--count", str(CHUNK), "--request-id", f"call-{number}",
                 "--quiet"]
        while True:
            answer = run_program([program("BATON"), "--broker", self._test.broker.address, *words])
            if answer.code == 0:
                self.acknowledged += [int(task) for task in answer.out.split()]
                return
            if answer.code not in (5, 6):
                raise AssertionError(f"call {number}: {answer.code}: {answer.err}")
            self.refused_calls += 1

    def end(self):
        self._told_to_stop.set()
        self.join(60)


class LoadTest(ProcessTest):

    def test_a_broker_killed_under_load_loses_nothing_and_runs_nothing_twice_to_the_end(self):
        self.start_broker()
        worker = self.start_worker(concurrency=8, prefetch=16)
        submitter = Submitter(self)
        submitter.start()
        for kill in range(3):
            target = len(submitter.acknowledged) + 5 * CHUNK
            wait_until(lambda t=target: len(submitter.acknowledged) >= t or not submitter.is_alive(),
                       f"tasks are acknowledged before kill {kill}")
            self.broker.kill()
            self.start_broker()
        submitter.end()
        tasks = submitter.acknowledged
        self.assertGreaterEqual(len(tasks), 15 * CHUNK)
        self.assertEqual(len(tasks), len(set(tasks)), "a repeated call gets the answer of the first")

        def all_ended():
            counts = self.baton("stats", "-o", "json").json()["counts"]
            return counts if counts["pending"] == counts["running"] == 0 else None

        counts = wait_until(all_ended, lambda: f"everything ends: {self.baton('stats').out}{worker.log()}", 60)
        listed = {task["id"]: task for task in self.baton("list", "--limit", "0", "-o", "jsonl").json_lines()}
        self.assertEqual(set(tasks), set(listed), "what was acknowledged is there, and nothing else")
        self.assertEqual({task["state"] for task in listed.values()}, {"COMPLETED"})
        self.assertEqual(counts["completed"], len(tasks))
        # The worker lived all the time: what it had goes on, so every handler ran once.
        runs = [line["task"] for line in worker.events("start")]
        again = {task: runs.count(task) for task in set(runs) if runs.count(task) > 1}
        self.assertEqual(set(runs), set(tasks))
        for task in again:
            interruptions = runs.count(task) - 1
            self.assertEqual(listed[task]["interruptions"], interruptions, f"task {task} ran twice without cause")

    def test_a_worker_comes_back_to_its_running_attempt(self):
        gate = self.gate()
        self.start_broker()
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", task)
        self.broker.kill()
        self.start_broker()
        wait_until(lambda: self.connected(worker), "the worker comes back")
        self.assertEqual((self.get(task)["state"], self.get(task)["attempt"]), ("RUNNING", 1))
        gate.touch()
        ended = self.wait_for_end(task)
        self.assertEqual((ended["attempt"], ended["interruptions"], ended["result"]), (1, 0, "held"))
        self.assertEqual(len(worker.events("start", task)), 1)

    def test_an_outcome_reached_while_the_broker_was_away_counts(self):
        gate = self.gate()
        self.start_broker()
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", task)
        self.broker.kill()
        gate.touch()
        worker.wait_for("return", task)
        self.start_broker()
        ended = self.wait_for_end(task)
        self.assertEqual((ended["attempt"], ended["interruptions"]), (1, 0))
        self.assertEqual(len(worker.events("start", task)), 1)

    def connected(self, worker):
        listed = self.baton("workers", "-o", "jsonl").json_lines()
        return any((one["worker_id"], one["state"]) == (worker.name, "CONNECTED") for one in listed)


class EveryStateTest(ProcessTest):
    """One task in each state that can last, before and after."""

    # How long a new broker waits for the workers of the one before.
    settings = {"workers.beat_interval": "300ms", "workers.beat_window": "2s"}

    def check(self, number):
        gate = self.gate()
        hold = {"type": "hold", "payload": {"until": str(gate)}}
        self.start_broker()
        worker = self.start_worker(concurrency=8)
        tasks = {
            "waiting": self.submit("unknown", {"n": 1}, "--tag", "waits", "--priority", "3", "--require", "GPU"),
            "delayed": self.submit("echo", 1, "--delay", "1h"),
            "retrying": self.submit("fail", {"times": 9}, "--retry-interval", "1h"),
            "running": self.submit("hold", {"until": str(gate)}),
            "suspended": self.submit("approve", {"what": "it"}),
            "parent": self.submit("spawn", {"children": [hold, {"type": "echo", "payload": 1}]}),
            "completed": self.submit("echo", {"done": True}),
            "failed": self.submit("fail", {"times": 9, "final": True}),
            "cancelled": self.submit("echo", 1, "--delay", "1h"),
        }
        self.baton("cancel", str(tasks["cancelled"]), "--reason", "not needed")
        self.wait_for_end(tasks["completed"])
        self.wait_for_end(tasks["failed"], "PERMANENTLY_FAILED")
        self.wait_for_state(tasks["running"], "RUNNING")
        self.wait_for_state(tasks["suspended"], "SUSPENDED")
        wait_until(lambda: self.get(tasks["retrying"])["failed_attempts"] == 1, "the retry waits")
        wait_until(lambda: self.get(tasks["parent"]).get("children_remaining") == 1, "the parent waits for one child")
        child = self.baton("list", "--parent", str(tasks["parent"]), "--state", "running", "-o", "json").json()[0]["id"]
        worker.kill()
        # Both have lost their worker, whether this broker notices or the next one.
        lost = {tasks["running"], child}
        before = {name: self.facts(task) for name, task in tasks.items() if task not in lost}
        self.broker.signal(number)
        self.broker.wait()
        self.start_broker()
        self.assertEqual({name: self.facts(task) for name, task in tasks.items() if task not in lost}, before)
        self.check_all_go_on(tasks, gate)

    def facts(self, task):
        """What must not change by a restart."""
        shown = self.get(task)
        for changing in ("runnable", "waiting_for", "version"):
            shown.pop(changing)
        return shown, self.baton("events", str(task), "-o", "json").json()

    def check_all_go_on(self, tasks, gate):
        gate.touch()
        self.start_worker("worker-2", concurrency=8)
        for name in ("running", "parent"):
            ended = self.wait_for_end(tasks[name])
            self.assertEqual(ended["worker_id"], "worker-2")
        self.assertEqual(self.get(tasks["parent"])["result"]["children"], [["COMPLETED", '"held"'], ["COMPLETED", "1"]])
        self.assertEqual(self.outcomes(tasks["running"]), [("worker-1", "INTERRUPTED"), ("worker-2", "SUCCEEDED")])
        self.baton("resume", str(tasks["suspended"]), "--decision", "1")
        self.assertEqual(self.wait_for_end(tasks["suspended"])["result"]["context"], {"asked": True})
        for name in ("waiting", "delayed", "retrying"):
            self.assertEqual(self.get(tasks[name])["state"], "PENDING", name)
        self.assertGreater(self.submit("echo", 1), max(tasks.values()), "ids are not used twice")

    def test_tasks_in_every_state_survive_a_kill(self):
        self.check(signal.SIGKILL)

    def test_tasks_in_every_state_survive_a_stop(self):
        self.check(signal.SIGTERM)


class FirstStartTest(ProcessTest):

    def test_a_new_broker_says_nothing_but_that_it_serves(self):
        self.start_broker()
        self.assertEqual(self.broker.log(), "")


class MemoryOfCallsTest(ProcessTest):

    def test_request_ids_and_unique_keys_are_remembered(self):
        self.start_broker()
        first = self.submit("echo", 1, "--request-id", "once")
        keyed = self.submit("echo", 2, "--unique-key", "daily")
        self.broker.kill()
        self.start_broker()
        self.assertEqual(self.submit("echo", 1, "--request-id", "once"), first)
        self.assertEqual(self.submit("echo", 2, "--unique-key", "daily"), keyed)
        self.start_worker()
        self.wait_for_end(keyed)
        self.broker.kill()
        self.start_broker()
        self.assertNotEqual(self.submit("echo", 2, "--unique-key", "daily"), keyed, "the key is free after the end")


if __name__ == "__main__":
    unittest.main()
