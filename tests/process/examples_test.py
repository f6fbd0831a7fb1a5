#!/usr/bin/env python3
"""The examples of the SDK do what their first lines say."""

import signal
import unittest

from harness import Process, ProcessTest, program, wait_until


class ExamplesTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def start(self, name, variable, **environment):
        before = len(self.workers())
        process = Process(self.folder, name, [program(variable)], {"BATON_BROKER": self.broker.address, **environment})
        self.processes.append(process)
        wait_until(lambda: len(self.workers()) > before, process.log)
        return process

    def workers(self):
        return self.baton("workers", "-o", "json").json()

    def test_an_order_waits_for_a_human_only_if_it_is_large(self):
        self.start("approval", "APPROVAL_WORKER")
        small = self.submit("order", {"item": "paper", "amount": 10})
        self.assertEqual(self.wait_for_end(small)["result"], {"ordered": True})
        large = [self.submit("order", {"item": f"press {number}", "amount": 5000}) for number in range(2)]
        for task in large:
            self.assertTrue(self.wait_for_state(task, "SUSPENDED")["suspend_reason"].startswith("approval of press"))
        self.assertIn("approval of press 1", self.baton("approvals").out)
        self.assertEqual(self.get(large[0])["when_undecided"], "RESUME")
        self.baton("approve", str(large[0]))
        self.baton("reject", str(large[1]), "--comment", "too expensive")
        self.assertEqual(self.wait_for_end(large[0])["result"], {"ordered": True})
        self.assertEqual(self.wait_for_end(large[1], "PERMANENTLY_FAILED")["last_error"], "rejected: too expensive")

    def test_what_needs_a_gpu_waits_for_a_worker_that_has_one(self):  # B255
        self.start("plain", "GPU_WORKER")
        train, clean = self.submit("train", "model 7"), self.submit("clean", "room 3")
        self.assertEqual(self.wait_for_end(clean)["state"], "COMPLETED")
        waiting = self.get(train)
        self.assertEqual(waiting["state"], "PENDING")
        self.assertIn("GPU", waiting["waiting_for"])
        self.start("with-gpu", "GPU_WORKER", CAPABILITIES="GPU,SSD")
        self.assertEqual(self.wait_for_end(train)["state"], "COMPLETED")

    def test_a_fan_out_goes_on_without_what_failed(self):
        self.start("fan-out", "FAN_OUT_WORKER")
        good = self.wait_for_end(self.submit("resize_all", ["a.png", "notes.txt", "b.png"]))
        self.assertEqual(good["result"], {"resized": ["small-a.png", "small-b.png"],
                                          "failed": {"picture 1": "notes.txt is not a picture"}})
        tree = self.baton("tree", str(good["id"])).out.splitlines()
        self.assertEqual([line.split()[1:4] for line in tree[1:]],
                         [["2", "resize", "COMPLETED"], ["3", "resize", "PERMANENTLY_FAILED"],
                          ["4", "resize", "COMPLETED"]])
        bad = self.wait_for_end(self.submit("resize_all", ["a.txt", "b.txt", "c.png"]), "PERMANENTLY_FAILED")
        self.assertIn("too many pictures failed", bad["last_error"])

    def test_a_fan_out_that_needs_all_fails_with_the_first_of_them(self):
        self.start("fan-out", "FAN_OUT_WORKER")
        album = self.wait_for_end(self.submit("make_album", ["a.png", "b.png"]))
        self.assertEqual(album["result"], {"pages": ["small-a.png", "small-b.png"]})
        bad = self.wait_for_end(self.submit("make_album", ["slow.raw", "notes.txt"]), "PERMANENTLY_FAILED")
        slow, notes = bad["id"] + 1, bad["id"] + 2
        self.assertIn(f"child {notes} has failed: notes.txt is not a picture", bad["last_error"])
        self.assertIn("its parent has failed", self.wait_for_end(slow, "CANCELLED")["cancel_reason"])

    def test_a_reloaded_handler_takes_over_at_once_and_for_suspended_tasks(self):
        greeting = self.folder / "greeting"
        greeting.write_text("Good morning\n")
        worker = self.start("reload", "HOT_RELOAD_WORKER", GREETING_FILE=str(greeting))
        self.assertIn("Good morning, Ada!", self.baton("submit", "greet", "--data", "Ada", "--wait").out)
        later = int(self.baton("submit", "greet", "--data", "later", "--quiet").out)
        self.wait_for_state(later, "SUSPENDED")
        greeting.write_text("Good evening\n")
        worker.signal(signal.SIGHUP)
        wait_until(lambda: "now greeting with Good evening" in worker.out(), worker.log)
        self.assertIn("Good evening, Ada!", self.baton("submit", "greet", "--data", "Ada", "--wait").out)
        self.baton("resume", str(later))
        self.wait_for_end(later)
        self.assertIn("Good evening, later!", self.baton("result", str(later)).out)
        versions = [attempt["handler_version"] for attempt in self.baton("attempts", str(later), "-o", "json").json()]
        self.assertEqual(versions, [1, 2])


if __name__ == "__main__":
    unittest.main()
