#!/usr/bin/env python3
"""The submitters and workers in Python and Node.js keep the contract, with a real broker."""

import os
import signal
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

from harness import Process, ProcessTest, program, run_program, wait_until

ROOT = Path(program("SOURCE_ROOT"))
EXAMPLES = ROOT / "proto" / "examples"
HERE = Path(__file__).parent
PYTHON = program("DEBIAN_PYTHON")


class LanguagesTest(ProcessTest):

    # A beat window that a test can wait for.
    settings = {"workers.beat_interval": "300ms", "workers.beat_window": "2s"}

    def setUp(self):
        super().setUp()
        self.stubs = self.folder / "stubs"
        self.stubs.mkdir()
        answer = run_program(["protoc", "-I", ROOT / "proto", f"--python_out={self.stubs}",
                              f"--grpc_python_out={self.stubs}",
                              "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin",
                              *sorted((ROOT / "proto/baton/v1").glob("*.proto"))])
        self.assertEqual(answer.code, 0, answer.err)
        self.start_broker()

    def environment(self):
        path = f"{self.stubs}:{EXAMPLES / 'python'}"
        return {"BATON_BROKER": self.broker.address, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def start(self, name, command):
        before = len(self.workers())
        process = Process(self.folder, name, command, self.environment())
        self.processes.append(process)
        wait_until(lambda: len(self.workers()) > before, lambda: f"{name} connects:\n{process.log()}")
        return process

    def start_test_workers(self):
        """One after the other: each is alone while a test looks at it."""
        for language, command in [("python", [PYTHON, HERE / "language_worker.py"]),
                                  ("node", ["node", HERE / "language_worker.mjs", EXAMPLES / "node"])]:
            worker = self.start(language, command)
            yield worker
            if worker.runs():
                self.assertEqual(worker.terminate(), 0, worker.log())
            wait_until(lambda: not self.workers(), f"the worker in {language} has left")

    def workers(self):
        return self.baton("workers", "-o", "json").json()

    def hold(self, worker, *options):
        """A task that the worker runs, and the file that ends it."""
        gate = self.gate(f"gate-{worker.name}")
        task = int(self.baton("submit", "hold", "--data", str(gate), *options, "--quiet").out)
        wait_until(lambda: f"holding {task}\n" in worker.out(), lambda: f"{worker.name} runs it:\n{worker.log()}")
        return task, gate

    def test_submitters_and_workers_of_each_language_work_together(self):
        submitters = {"python": [PYTHON, EXAMPLES / "python/submit.py"], "node": ["node", EXAMPLES / "node/submit.js"]}
        for language, command in [("python", [PYTHON, EXAMPLES / "python/hello_worker.py"]),
                                  ("node", ["node", EXAMPLES / "node/hello_worker.js"])]:
            worker = self.start(f"hello-{language}", command)
            for submitter in submitters.values():
                answer = run_program([*submitter, "Ada"], self.environment())
                self.assertEqual((answer.code, answer.out), (0, "Hello, Ada!\n"), answer.err)
            self.assertEqual(self.baton("submit", "hello", "--json", '"you"', "--wait").out, 'Hello, "you"!')
            worker.signal(signal.SIGINT)
            self.assertEqual(worker.wait(), 0, worker.log())
            wait_until(lambda: not self.workers(), "it has left")
        self.baton("types", "pause", "hello")
        for submitter in submitters.values():
            waits = Process(self.folder, "waits", [*submitter, "Ada"], self.environment())
            self.processes.append(waits)
            task, = wait_until(lambda: self.baton("list", "--state", "pending", "-o", "json").json(), "it is submitted")
            self.baton("cancel", str(task["id"]), "--reason", "not today")
            self.assertEqual(waits.wait(), 1)
            self.assertIn("CANCELLED", waits.log())

    def test_submitters_wait_for_a_broker_that_comes_later(self):
        self.assertEqual(self.broker.terminate(), 0)
        submitters = [Process(self.folder, name, command, self.environment()) for name, command in
                      [("submit-py", [PYTHON, EXAMPLES / "python/submit.py", "Ada"]),
                       ("submit-js", ["node", EXAMPLES / "node/submit.js", "Ada"])]]  # yapf: disable
        self.processes += submitters
        self.start_broker()
        self.start("hello", [PYTHON, EXAMPLES / "python/hello_worker.py"])
        for submitter in submitters:
            self.assertEqual((submitter.wait(), submitter.out()), (0, "Hello, Ada!\n"), submitter.log())

    def test_what_a_handler_throws_is_retried_and_what_is_refused_is_not(self):
        for _ in self.start_test_workers():
            failed = self.wait_for_end(self.submit("fail", 1, "--max-retries", "2"), "PERMANENTLY_FAILED")
            self.assertIn("no luck with attempt 2", failed["last_error"])
            refused = self.wait_for_end(self.submit("refused", 1), "PERMANENTLY_FAILED")
            self.assertIn("JSON", refused["last_error"])
            self.assertEqual(refused["attempt"], 1)
            # Slots come back: more tasks than there are.
            for task in [self.submit("echo", number) for number in range(5)]:
                self.wait_for_end(task)

    def test_what_no_message_can_hold_ends_its_task_and_is_not_repeated(self):
        for _ in self.start_test_workers():
            for handler, error in (("large", "PAYLOAD_TOO_LARGE: the result has 5242880 bytes, at most 1048576"),
                                   ("unsendable", "larger than max"), ("loud", "Error: xxx")):
                ended = self.wait_for_end(self.submit(handler, 1, "--max-retries", "1"), "PERMANENTLY_FAILED")
                self.assertIn(error, ended["last_error"])
                self.assertEqual((ended["attempt"], ended["interruptions"]), (1, 0))

    def test_an_outcome_is_repeated_as_it_is_when_grpc_has_no_memory(self):
        for worker in self.start_test_workers():
            task = self.submit("squeezed", 1, "--max-retries", "1")
            self.wait_for_end(task)
            self.assertIn("out of memory\n", worker.out())
            self.assertEqual([outcome for _, outcome in self.outcomes(task)], ["SUCCEEDED"])

    def test_handlers_of_cancelled_and_overdue_tasks_are_stopped(self):
        for worker in self.start_test_workers():
            task, _ = self.hold(worker)
            self.baton("cancel", str(task))
            wait_until(lambda: f"stopped {task}\n" in worker.out(), worker.out)
            overdue, _ = self.hold(worker, "--timeout", "300ms", "--max-retries", "1")
            self.wait_for_end(overdue, "PERMANENTLY_FAILED")
            wait_until(lambda: f"stopped {overdue}\n" in worker.out(), worker.out)
            wait_until(lambda: self.workers()[0]["slots_taken"] == 0, "its slots are free again")

    def test_what_runs_survives_a_broker_that_is_killed(self):
        for worker in self.start_test_workers():
            task, gate = self.hold(worker)
            self.broker.kill()
            self.start_broker()
            wait_until(lambda: self.workers(), "it comes back")
            gate.touch()
            self.wait_for_end(task)
            self.assertEqual(len(self.attempts(task)), 1)

    def test_an_outcome_waits_for_the_broker(self):
        for worker in self.start_test_workers():
            task, gate = self.hold(worker)
            self.broker.kill()
            gate.touch()
            self.start_broker()
            self.wait_for_end(task)
            self.assertEqual(len(self.attempts(task)), 1)

    def test_beats_keep_an_attempt_for_longer_than_the_window(self):
        for worker in self.start_test_workers():
            task, gate = self.hold(worker)
            session = self.workers()[0]["session"]
            began = datetime.fromisoformat(self.get(task)["started_at"])
            wait_until(lambda: datetime.now(timezone.utc) - began > timedelta(seconds=5), "two windows have passed")
            gate.touch()
            self.wait_for_end(task)
            self.assertEqual(len(self.attempts(task)), 1)
            self.assertEqual(self.workers()[0]["session"], session)

    def test_a_frozen_worker_drops_what_was_taken_from_it(self):
        for worker in self.start_test_workers():
            task, gate = self.hold(worker)
            worker.freeze()
            wait_until(lambda: self.outcomes(task)[0][1] == "INTERRUPTED", "the broker takes it away")
            worker.thaw()
            # It is told so by its next beat, and is handed the task once more.
            wait_until(lambda: f"stopped {task}\n" in worker.out(), worker.out)
            wait_until(lambda: worker.out().count(f"holding {task}\n") == 2, worker.out)
            gate.touch()
            self.wait_for_end(task)
            self.assertEqual([outcome for _, outcome in self.outcomes(task)], ["INTERRUPTED", "SUCCEEDED"])

    def test_a_drained_worker_finishes_what_it_runs_and_leaves(self):
        for worker in self.start_test_workers():
            task, gate = self.hold(worker)
            self.baton("workers", "drain", self.workers()[0]["worker_id"])
            waiting = self.submit("echo", 1)
            gate.touch()
            self.wait_for_end(task)
            self.assertEqual(worker.wait(), 0, worker.log())
            self.assertEqual(self.get(waiting)["state"], "PENDING")
            self.baton("cancel", str(waiting))

    def test_a_worker_that_is_told_to_stop_finishes_what_it_runs(self):
        for worker in self.start_test_workers():
            task, gate = self.hold(worker)
            os.kill(worker.popen.pid, signal.SIGTERM)
            wait_until(lambda: self.workers()[0]["slots"] == 0, "it takes nothing new")
            gate.touch()
            self.wait_for_end(task)
            self.assertEqual(worker.wait(), 0, worker.log())
            self.assertEqual(len(self.attempts(task)), 1)


if __name__ == "__main__":
    unittest.main()
