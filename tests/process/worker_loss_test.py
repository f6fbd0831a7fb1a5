#!/usr/bin/env python3
"""Workers that die, freeze, or come back: their tasks go to others, and what they say too late changes nothing."""

import time
import unittest

from harness import ProcessTest, wait_until


class DeadWorkerTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_tasks_of_a_killed_worker_run_on_another(self):  # B207, B250
        gate = self.gate()
        victim = self.start_worker("victim", concurrency=2)
        tasks = [self.submit("hold", {"until": str(gate)}) for _ in range(2)]
        for task in tasks:
            victim.wait_for("start", task)
        heir = self.start_worker("heir", concurrency=2)
        killed_at = time.monotonic()
        victim.kill()
        for task in tasks:
            heir.wait_for("start", task)
        # Grace of a closed connection: 1.5 s. The figure itself is a matter of the benchmarks.
        self.assertLess(time.monotonic() - killed_at, 10)
        gate.touch()
        for task in tasks:
            ended = self.wait_for_end(task)
            self.assertEqual(self.outcomes(task), [("victim", "INTERRUPTED"), ("heir", "SUCCEEDED")])
            self.assertEqual((ended["interruptions"], ended["failed_attempts"]), (1, 0), ended)
        left = self.baton("workers", "-o", "jsonl").json_lines()
        self.assertEqual([worker["worker_id"] for worker in left], ["heir"])

    def test_a_task_waits_for_a_new_worker_when_the_only_one_is_killed(self):
        gate = self.gate()
        victim = self.start_worker("victim")
        task = self.submit("hold", {"until": str(gate)})
        victim.wait_for("start", task)
        victim.kill()
        waiting = self.wait_for_state(task, "PENDING")
        self.assertIn("no live worker can run it", waiting["waiting_for"])
        gate.touch()
        self.start_worker("heir")
        self.wait_for_end(task)


class MurderousTaskTest(ProcessTest):
    settings = {"limits.interruptions": 1, "workers.grace": "100ms"}

    def test_a_task_that_kills_its_workers_ends(self):
        self.start_broker()
        task = None
        for number in (1, 2):
            worker = self.start_worker(f"worker-{number}")
            task = task or self.submit("hold", {"until": str(self.gate())})
            worker.wait_for("start", task)
            worker.kill()
        ended = self.wait_for_end(task, "PERMANENTLY_FAILED")
        self.assertEqual(ended["interruptions"], 2)
        self.assertIn("interrupted 2 times, the limit is 1", ended["last_error"])


class FrozenWorkerTest(ProcessTest):
    settings = {"workers.beat_interval": "300ms", "workers.beat_window": "1500ms"}

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_tasks_of_a_frozen_worker_move_and_its_late_outcome_is_refused(self):  # B197, S45
        gate = self.gate()
        frozen = self.start_worker("frozen")
        task = self.submit("hold", {"until": str(gate)})
        frozen.wait_for("start", task)
        frozen.freeze()
        heir = self.start_worker("heir")
        heir.wait_for("start", task)
        # The frozen handler finds its file when it goes on: it succeeds, too late.
        gate.touch()
        ended = self.wait_for_end(task)
        self.assertEqual((ended["worker_id"], ended["attempt"]), ("heir", 2))
        frozen.thaw()
        frozen.wait_for("return", task)
        wait_until(lambda: "over" in frozen.log().lower(), lambda: f"frozen is told:\n{frozen.log()}")
        self.assertEqual(self.outcomes(task), [("frozen", "INTERRUPTED"), ("heir", "SUCCEEDED")])
        events = self.events(task)
        self.assertEqual((events.count("INTERRUPTED"), events.count("COMPLETED")), (1, 1), events)
        self.assertLess(events.index("INTERRUPTED"), events.index("COMPLETED"))
        after = self.get(task)
        self.assertEqual({field: after[field] for field in ended}, ended, "the late outcome changed nothing")

    def test_a_frozen_worker_gets_nothing_until_it_goes_on(self):
        frozen = self.start_worker("frozen")
        frozen.freeze()
        task = self.submit("echo", {"n": 1})
        waiting = wait_until(lambda: self.unservable(task), "the frozen worker is given up")
        self.assertEqual(waiting["state"], "PENDING")
        frozen.thaw()
        self.assertEqual(self.wait_for_end(task)["worker_id"], "frozen")

    def unservable(self, task):
        shown = self.get(task)
        return shown if "no live worker can run it" in shown["waiting_for"] else None

    def test_a_short_pause_costs_nothing(self):
        gate = self.gate()
        worker = self.start_worker("worker")
        task = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", task)
        worker.freeze()
        worker.thaw()
        gate.touch()
        ended = self.wait_for_end(task)
        self.assertEqual((ended["attempt"], ended["interruptions"]), (1, 0))
        self.assertEqual(len(worker.events("start", task)), 1)


if __name__ == "__main__":
    unittest.main()
