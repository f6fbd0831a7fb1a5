#!/usr/bin/env python3
"""Tasks that need a capability, a decision, or children; and tasks that are cancelled."""

import json
import unittest

from harness import ProcessTest, wait_until


class WorkflowTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_a_task_waits_for_a_worker_with_the_capability_it_requires(self):  # B252
        self.start_worker("plain")
        task = self.submit("echo", {"n": 1}, "--require", "GPU")
        shown = self.get(task)
        self.assertEqual((shown["state"], shown["runnable"]), ("PENDING", False))
        self.assertIn("no live worker can run it", shown["waiting_for"])
        self.assertIn("GPU", shown["waiting_for"])
        self.assertIn("no live worker can run it", self.baton("get", str(task)).out)
        # Other tasks of the type pass it by.
        self.assertEqual(self.wait_for_end(self.submit("echo", {"n": 2}))["worker_id"], "plain")
        self.assertEqual(self.get(task)["state"], "PENDING")
        self.start_worker("with-gpu", capabilities="SSD,GPU")
        ended = self.wait_for_end(task)
        self.assertEqual((ended["worker_id"], ended["result"]), ("with-gpu", {"n": 1}))

    def test_a_task_of_a_type_nobody_has_waits_for_its_first_worker(self):
        submitted = self.baton("submit", "echo", "--json", "7").out
        self.assertIn("No live worker can run it yet", submitted)
        self.start_worker()
        self.assertEqual(self.wait_for_end(1)["result"], 7)

    def test_a_handler_reads_the_decision_it_was_suspended_for(self):  # B166, S95
        self.start_worker()
        task = self.submit("approve", {"what": "the order"})
        shown = self.wait_for_state(task, "SUSPENDED")
        self.assertEqual((shown["suspend_reason"], shown["context"]), ("approval of the order", {"asked": True}))
        resumed = self.baton("resume", str(task), "--decision", '{"approved": true}', "--reason", "looks right")
        self.assertIn(f"Resumed task {task}", resumed.out)
        ended = self.wait_for_end(task)
        self.assertEqual(ended["result"], {"payload": {"what": "the order"}, "context": {"asked": True},
                                           "decision": {"approved": True}})
        events = self.baton("events", str(task), "-o", "jsonl").json_lines()
        self.assertIn(("RESUMED", "looks right"), [(event["type"], event["reason"]) for event in events])

    def test_what_waits_for_a_decision_is_listed_and_decided(self):  # B168
        self.start_worker()
        orders = [self.submit("approve", {"what": f"order {number}"}) for number in range(3)]
        for order in orders:
            self.wait_for_state(order, "SUSPENDED")
        self.baton("pause", str(orders[2]))
        listed = self.baton("approvals", "-o", "jsonl").json_lines()
        self.assertEqual([task["id"] for task in sorted(listed, key=lambda task: task["suspended_at"])],
                         [task["id"] for task in listed])
        self.assertEqual({task["id"]: (task["suspend_reason"], task["state"]) for task in listed},
                         {order: (f"approval of order {number}", "PAUSED" if number == 2 else "SUSPENDED")
                          for number, order in enumerate(orders)})
        only = self.baton("approvals", "--reason", "approval of order 1", "-o", "jsonl").json_lines()
        self.assertEqual([task["id"] for task in only], [orders[1]])
        self.assertIn("STAGE_OVER", self.baton("approve", str(orders[0]), "--stage", "1", code=4).err)
        self.baton("approve", str(orders[0]), "--stage", "0", "--comment", "looks right")
        self.baton("reject", str(orders[1]))
        self.assertEqual(self.wait_for_end(orders[0])["result"]["decision"],
                         {"approved": True, "comment": "looks right"})
        self.assertEqual(self.wait_for_end(orders[1])["result"]["decision"], {"approved": False})
        self.baton("approve", str(orders[2]))
        self.baton("unpause", str(orders[2]))
        self.wait_for_end(orders[2])
        self.assertEqual(self.baton("approvals", "-o", "jsonl").json_lines(), [])

    def test_a_paused_task_waits_until_it_is_let_go_on(self):
        gate = self.gate()
        self.start_worker()
        running = self.submit("hold", {"until": str(gate)})
        self.wait_for_state(running, "RUNNING")
        paused = self.baton("pause", str(running), "--reason", "the mail server is down", "-o", "jsonl").json_lines()
        self.assertEqual(paused, [{"task_id": running, "state": "PAUSED", "beneath": "RUNNING"}])
        self.assertIn("the attempt that runs goes on", self.get(running)["waiting_for"])
        gate.touch()
        self.wait_for_end(running)
        waiting = self.submit("echo", {"n": 1}, "--delay", "1s")
        self.baton("pause", str(waiting))
        self.broker.kill()
        self.start_broker()
        self.assertEqual(self.get(waiting)["state"], "PAUSED")
        self.assertIn(str(waiting), self.baton("list", "--state", "PAUSED").out)
        self.assertIn("`baton unpause` lets it go on", self.baton("resume", str(waiting), code=4).err)
        self.baton("unpause", str(waiting), "--reason", "it is back")
        self.assertEqual(self.wait_for_end(waiting)["result"], {"n": 1})
        events = self.baton("events", str(waiting), "-o", "jsonl").json_lines()
        self.assertEqual([event["type"] for event in events][1:3], ["PAUSED", "UNPAUSED"])
        self.assertIn("NOT_PAUSED", self.baton("unpause", str(self.submit("nobody")), code=4).err)
        self.assertIn("TASK_TERMINAL", self.baton("pause", str(waiting), code=4).err)

    def test_a_paused_type_waits_until_it_is_let_go_on(self):  # B174
        self.baton("types", "pause", "echo", "--reason", "the mail server is down")
        self.start_worker()
        task = self.submit("echo", {"n": 1})
        self.broker.kill()
        self.start_broker()
        self.assertEqual(self.get(task)["waiting_for"],
                         "waits for its type, which is paused by local: the mail server is down")
        listed = {info["type"]: info for info in self.baton("types", "-o", "jsonl").json_lines()}
        self.assertEqual(listed["echo"]["pause"]["reason"], "the mail server is down")
        self.assertIn("the mail server is down", self.baton("types").out)
        self.baton("types", "unpause", "echo")
        self.assertEqual(self.wait_for_end(task)["result"], {"n": 1})
        self.assertIn("NOT_PAUSED", self.baton("types", "unpause", "echo", code=4).err)

    def test_resuming_what_is_not_suspended_is_refused(self):  # B160
        gate = self.gate()
        self.start_worker()
        task = self.submit("hold", {"until": str(gate)})
        self.wait_for_state(task, "RUNNING")
        self.assertIn("NOT_SUSPENDED", self.baton("resume", str(task), code=4).err)
        parent = self.submit("spawn", {"children": [{"type": "hold", "payload": {"until": str(gate)}}]})
        self.wait_for_state(parent, "SUSPENDED")
        self.assertIn("WAITS_FOR_CHILDREN", self.baton("resume", str(parent), code=4).err)
        gate.touch()
        self.wait_for_end(task)
        self.wait_for_end(parent)

    def test_cancelling_reaches_the_running_handler_and_frees_its_slot(self):  # B207
        worker = self.start_worker(concurrency=1)
        task = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", task)
        self.baton("cancel", str(task), "--reason", "ordered twice")
        self.assertEqual(self.get(task)["state"], "CANCELLED")
        self.assertIn("ordered twice", worker.wait_for("cancelled", task)["detail"])
        ended = self.wait_for_end(task, "CANCELLED")
        self.assertIn("ordered twice", ended["cancel_reason"])
        self.assertEqual(self.outcomes(task), [("worker-1", "CANCELLED")])
        # Its only slot is free again.
        self.wait_for_end(self.submit("echo", {}))
        # Again is fine; what has ended otherwise cannot be cancelled.
        self.baton("cancel", str(task))
        done = self.submit("echo", {})
        self.wait_for_end(done)
        self.assertIn("TASK_TERMINAL", self.baton("cancel", str(done), code=4).err)

    def test_a_cancelled_handler_that_does_not_listen_changes_nothing_and_keeps_its_slot(self):
        gate = self.gate()
        worker = self.start_worker(concurrency=1)
        task = self.submit("stubborn", {"until": str(gate)})
        worker.wait_for("start", task)
        self.baton("cancel", str(task))
        after = self.submit("echo", {"n": 1})
        wait_until(lambda: "the task was cancelled" in worker.log(), "the worker is told")
        self.assertEqual(self.get(after)["state"], "PENDING")
        gate.touch()
        self.wait_for_end(after)
        self.assertEqual(self.get(task)["state"], "CANCELLED")
        self.assertEqual(self.events(task).count("COMPLETED"), 0)

    def test_a_parent_sees_how_its_children_ended_in_their_order(self):  # S78
        self.start_worker()
        children = [{"type": "echo", "payload": {"n": 1}}, {"type": "fail", "payload": {"times": 9, "final": True}},
                    {"type": "fail", "payload": {"times": 1}}]
        ended = self.wait_for_end(self.submit("spawn", {"children": children}))
        self.assertEqual(ended["result"]["context"], {"spawned": 3})
        states = [child[0] for child in ended["result"]["children"]]
        self.assertEqual(states, ["COMPLETED", "PERMANENTLY_FAILED", "COMPLETED"])
        self.assertEqual(json.loads(ended["result"]["children"][0][1]), {"n": 1})
        self.assertIn("told to fail in attempt 1", ended["result"]["children"][1][1])
        self.assertEqual((ended["stage"], ended["children_total"]), (1, 3))

    def test_no_children_resume_the_parent_at_once(self):
        self.start_worker()
        ended = self.wait_for_end(self.submit("spawn", {"children": []}))
        self.assertEqual(ended["result"], {"context": {"spawned": 0}, "children": []})

    def test_thousands_of_children_are_staged_and_counted(self):  # B42, B147
        self.start_worker(concurrency=20, prefetch=200)
        children = [{"type": "echo", "payload": number} for number in range(2500)]
        (self.folder / "payload.json").write_text(json.dumps({"children": children}))
        task = int(self.baton("submit", "spawn", "--json", f"@{self.folder}/payload.json", "--quiet").out)
        ended = self.wait_for_end(task)
        self.assertEqual([int(child[1]) for child in ended["result"]["children"]], list(range(2500)))
        listed = self.baton("list", "--parent", str(task), "--limit", "0", "-o", "jsonl").json_lines()
        self.assertEqual(len({child["id"] for child in listed}), 2500)
        self.assertEqual({child["root_id"] for child in listed}, {task})

    def test_cancelling_a_parent_cancels_its_descendants(self):
        gate = self.gate()
        worker = self.start_worker(concurrency=2)
        hold = {"type": "hold", "payload": {"until": str(gate)}}
        nested = {"type": "spawn", "payload": {"children": [hold, hold, hold]}}
        task = self.submit("spawn", {"children": [nested, hold]})
        wait_until(lambda: len(worker.events("start")) >= 4, "two handlers hold")
        self.baton("cancel", str(task))
        self.wait_for_descendants(task, "CANCELLED", 5)
        # A slot that becomes free may still get a child whose turn to be cancelled has not come.
        wait_until(lambda: self.tasks_of(worker, "cancelled") == self.tasks_of(worker, "start"), "all are told")
        self.assertGreaterEqual(len(self.tasks_of(worker, "cancelled")), 2)
        self.wait_for_end(self.submit("echo", {}))

    def tasks_of(self, worker, event):
        return {line["task"] for line in worker.events(event) if line["type"] == "hold"}

    def wait_for_descendants(self, task, state, count):
        def states():
            listed = self.baton("list", "--root", str(task), "--limit", "0", "-o", "jsonl").json_lines()
            return [shown["state"] for shown in listed if shown["id"] != task]

        wait_until(lambda: states() == [state] * count, lambda: f"{count} descendants are {state}: {states()}")

    def test_failures_are_retried_and_the_last_one_is_kept(self):  # B22, S3
        self.start_worker()
        healed = self.wait_for_end(self.submit("fail", {"times": 2}))
        self.assertEqual((healed["attempt"], healed["result"], healed["last_error"]), (3, {"attempt": 3}, ""))
        thrown = self.wait_for_end(self.submit("fail", {"times": 9, "throws": True}), "PERMANENTLY_FAILED")
        self.assertEqual((thrown["attempt"], thrown["last_error"]), (3, "told to fail in attempt 3"))
        final = self.wait_for_end(self.submit("fail", {"times": 9, "final": True}), "PERMANENTLY_FAILED")
        self.assertEqual(final["attempt"], 1)
        events = self.events(int(healed["id"]))
        counts = [events.count(event) for event in ("FAILED", "RETRY_SCHEDULED", "COMPLETED")]
        self.assertEqual(counts, [2, 2, 1])

    def test_a_handler_over_its_timeout_is_stopped_and_the_task_fails(self):  # B75, B111
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(self.gate())}, "--timeout", "200ms", "--max-retries", "2")
        ended = self.wait_for_end(task, "PERMANENTLY_FAILED")
        self.assertIn("timed out", ended["last_error"])
        # The worker and the broker have clocks of their own: either may notice first.
        outcomes = [outcome for _, outcome in self.outcomes(task)]
        self.assertEqual(len(outcomes), 2)
        self.assertLessEqual(set(outcomes), {"TIMED_OUT", "FAILED"})
        wait_until(lambda: len(worker.events("cancelled", task)) == 2, "both handlers were told")

    def test_a_handler_that_ignores_its_timeout_loses_its_attempt(self):  # B208, S4
        worker = self.start_worker()
        gate = self.gate()
        task = self.submit("stubborn", {"until": str(gate)}, "--timeout", "200ms", "--max-retries", "1")
        ended = self.wait_for_end(task, "PERMANENTLY_FAILED")
        self.assertIn("timed out: attempt 1 took longer than 200ms", ended["last_error"])
        gate.touch()
        worker.wait_for("return", task)
        self.wait_for_end(self.submit("echo", {}))
        self.assertEqual(self.outcomes(task), [("worker-1", "TIMED_OUT")])


if __name__ == "__main__":
    unittest.main()
