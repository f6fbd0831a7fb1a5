#!/usr/bin/env python3
"""SIGTERM to a broker and to a worker: what runs is finished, what has not started goes elsewhere, nothing is lost."""

import json
import signal
import unittest

from harness import ProcessTest, wait_until


class BrokerDrainTest(ProcessTest):

    def test_a_stopping_broker_stores_what_finishes_and_refuses_new_tasks(self):  # B176
        gate = self.gate()
        self.start_broker()
        worker = self.start_worker(concurrency=1)
        running = self.submit("hold", {"until": str(gate)})
        waiting = self.submit("echo", {"n": 1})
        worker.wait_for("start", running)
        self.broker.signal(signal.SIGTERM)
        wait_until(lambda: "draining" in worker.log(), "the worker is told")
        refused = self.baton("submit", "echo", code=5)
        self.assertIn("DRAINING", refused.err)
        explained = self.baton("explain", str(waiting), "-o", "json").json()
        self.assertIn("BROKER_DRAINS", explained["obstacles"][0]["kind"])
        self.assertNotIn("no live worker", json.dumps(explained), "it has sent its workers away itself")
        self.assertTrue(self.broker.runs(), "it waits for the handler")
        gate.touch()
        self.assertEqual(self.broker.wait(), 0)
        self.start_broker()
        # The worker has waited for a broker to come back, and goes on with what waited.
        self.wait_for_end(waiting)
        ended = self.get(running)
        self.assertEqual((ended["state"], ended["attempt"], ended["result"]), ("COMPLETED", 1, "held"))
        self.assertEqual(self.baton("list", "-o", "json").json()[0]["id"], waiting, "the refused task is not there")
        self.assertEqual([line["task"] for line in worker.events("start")], [running, waiting])

    def test_an_idle_broker_stops_at_once(self):
        self.start_broker()
        self.start_worker()
        self.assertEqual(self.broker.terminate(10), 0)

    def test_a_handler_longer_than_the_drain_deadline_costs_its_task_nothing(self):
        gate = self.gate()
        self.start_broker(settings={"server.drain_deadline": "300ms"})
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", task)
        self.assertEqual(self.broker.terminate(), 0)
        self.start_broker()
        gate.touch()
        ended = self.wait_for_end(task)
        self.assertEqual((ended["failed_attempts"], ended["interruptions"], ended["result"]), (0, 0, "held"))

    def test_a_second_signal_stops_at_once(self):
        self.start_broker()
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", task)
        self.broker.signal(signal.SIGTERM)
        wait_until(lambda: "told to stop" in self.broker.log(), "the first signal is taken")
        self.broker.signal(signal.SIGTERM)
        self.assertEqual(self.broker.wait(10), 1)
        self.assertIn("stopping at once", self.broker.log())
        self.start_broker()
        self.gate().touch()
        self.wait_for_end(task)


class WorkerDrainTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_a_stopping_worker_finishes_what_runs_and_releases_what_has_not_started(self):  # B177
        gate = self.gate()
        leaving = self.start_worker("leaving", concurrency=1, prefetch=3)
        running = self.submit("hold", {"until": str(gate)})
        leaving.wait_for("start", running)
        unstarted = [self.submit("echo", {"n": n}) for n in range(3)]
        for task in unstarted:
            self.wait_for_state(task, "RUNNING")  # Handed out, and queued in the worker.
        leaving.signal(signal.SIGTERM)
        self.start_worker("other")
        for task in unstarted:
            ended = self.wait_for_end(task)
            self.assertEqual((ended["worker_id"], ended["failed_attempts"], ended["interruptions"]), ("other", 0, 0))
            # At least once: the broker may hand it out again before it hears that the worker leaves.
            *released, last = self.outcomes(task)
            self.assertEqual((set(released), last), ({("leaving", "RELEASED")}, ("other", "SUCCEEDED")))
        after = self.submit("echo", {"n": 9})
        self.assertEqual(self.wait_for_end(after)["worker_id"], "other", "a draining worker gets nothing new")
        self.assertTrue(leaving.runs(), "it waits for its handler")
        gate.touch()
        self.assertEqual(leaving.wait(), 0)
        ended = self.get(running)
        self.assertEqual((ended["state"], ended["worker_id"], ended["attempt"]), ("COMPLETED", "leaving", 1))
        self.assertEqual([one["task"] for one in leaving.events("start")], [running])

    def test_a_handler_longer_than_the_workers_deadline_is_given_back(self):  # B178
        gate = self.gate()
        leaving = self.start_worker("leaving", drain_deadline_ms=200)
        task = self.submit("stubborn", {"until": str(gate)})
        leaving.wait_for("start", task)
        leaving.signal(signal.SIGTERM)
        self.assertEqual(leaving.wait(), 1)
        self.assertIn("still running at the drain deadline", leaving.log())
        gate.touch()
        self.start_worker("other")
        ended = self.wait_for_end(task)
        self.assertEqual((ended["worker_id"], ended["failed_attempts"], ended["interruptions"]), ("other", 0, 0))

    def test_an_idle_worker_leaves_at_once_and_is_gone(self):  # S141
        worker = self.start_worker()
        self.assertEqual(worker.terminate(10), 0)
        self.assertEqual(self.baton("workers", "-o", "json").json(), [])


if __name__ == "__main__":
    unittest.main()
