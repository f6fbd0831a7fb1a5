#!/usr/bin/env python3
"""Retention with the real broker: what has ended goes after its time, its disk space with it, and nothing else."""

import json
import unittest

from harness import ProcessTest, program, run_program, wait_until

TASKS = 20_000
CALL = 1000


class RetentionTest(ProcessTest):
    keep = {"retention.ended": "never", "storage.memtable_bytes": "1MiB", "engine.watch_window": "0s",
            "engine.watch_bytes": 0, "engine.page_interval": "100ms"}
    remove = {**keep, "retention.ended": "1s"}

    def disk(self, files="*"):
        sizes = 0
        for path in self.data.glob(files):
            try:
                sizes += path.stat().st_size
            except FileNotFoundError:  # Files come and go meanwhile.
                pass
        return sizes

    def counts(self):
        """Tasks by state, without those that nobody is in."""
        counts = self.baton("stats", "-o", "json").json()["counts"]
        return {state: count for state, count in counts.items() if count}

    def completed(self):
        return self.counts().get("completed", 0)

    def restart(self, settings):
        self.broker.terminate()
        self.start_broker(settings=settings)

    def complete_many(self):
        self.start_broker(settings=self.keep)
        self.start_worker(concurrency=200)
        payload = json.dumps({"filler": "0123456789" * 40})
        for _ in range(TASKS // CALL):
            self.baton("submit", "echo", "--json", payload, "--count", str(CALL), "--quiet")
        wait_until(lambda: self.completed() == TASKS, lambda: f"all complete: {self.counts()}")

    def test_disk_follows_what_is_retained(self):  # B242, S51
        self.complete_many()
        waiting = self.submit("nobody", 1)
        full = self.disk()
        self.restart(self.remove)
        wait_until(lambda: self.completed() == 0, lambda: f"nothing ended is left: {self.counts()}")
        self.assertEqual(self.counts(), {"pending": 1})
        wait_until(lambda: self.disk() < full / 3, lambda: f"the disk shrinks from {full} to {self.disk()} bytes")
        for task in (1, TASKS):
            gone = self.baton("get", str(task), code=3)
            self.assertIn("TASK_EXPIRED", gone.err)
            self.assertIn("retention", gone.err)
        self.assertEqual(self.get(waiting)["state"], "PENDING")
        self.assertEqual(len(self.baton("list", "-o", "jsonl").json_lines()), 1)
        self.broker.terminate()
        verified = run_program([program("BATOND"), "verify", str(self.data)])
        self.assertEqual(verified.code, 0, verified.out)
        self.assertIn(f"{TASKS} removed", verified.out)
        self.start_broker(settings=self.remove)
        self.assertEqual(self.get(waiting)["state"], "PENDING")
        self.assertEqual(self.submit("nobody", 2), waiting + 1)

    def test_a_run_by_hand_frees_the_disk_where_all_is_kept_for_ever(self):  # B241
        self.complete_many()
        waiting = self.submit("nobody", 1)
        self.restart(self.keep)  # What is in its log alone goes to tables.
        full = self.disk("*.sst")
        self.baton("retention", "run", "--older-than", "0s", "--state", "completed", "--wait")
        self.assertEqual(self.counts(), {"pending": 1})
        wait_until(lambda: self.disk("*.sst") < full / 3,
                   lambda: f"the tables shrink from {full} to {self.disk('*.sst')} bytes")
        self.assertEqual(self.get(waiting)["state"], "PENDING")

    def test_each_state_has_its_age_and_a_run_by_hand_its_own(self):  # B241, S118
        self.start_broker(settings={**self.remove, "retention.cancelled": "never"})
        self.start_worker(concurrency=8)
        done = self.submit("echo", 1)
        cancelled = self.submit("nobody", 1)
        self.baton("cancel", str(cancelled))
        wait_until(lambda: not self.completed(), "what has completed is removed")
        self.assertIn("TASK_EXPIRED", self.baton("get", str(done), code=3).err)
        self.assertEqual(self.counts(), {"cancelled": 1})
        kept = self.baton("retention", "-o", "json").json()["kept_for_by_state"]
        self.assertEqual(kept, {"completed": "1s", "permanently_failed": "1s", "cancelled": "never removed"})
        run = ["retention", "run", "--older-than", "0s", "--wait", "-o", "json", "--state"]
        self.assertIn("RUNNING", self.baton(*run, "running", code=2).err)
        self.assertEqual(self.baton(*run, "completed").json()["matched"], 0)
        self.assertEqual(self.counts(), {"cancelled": 1})
        self.baton(*run, "cancelled")
        self.assertEqual(self.counts(), {})

    def test_tasks_are_removed_while_others_run_and_after_a_kill(self):
        self.start_broker(settings=self.remove)
        self.start_worker(concurrency=8)
        held = self.submit("hold", {"until": str(self.gate())})
        done = self.submit("echo", 1)
        wait_until(lambda: not self.completed(), "what has ended is removed")
        self.assertIn("TASK_EXPIRED", self.baton("get", str(done), code=3).err)
        self.broker.kill()
        self.start_broker(settings=self.remove)
        self.assertIn("TASK_EXPIRED", self.baton("get", str(done), code=3).err)
        self.gate().touch()
        wait_until(lambda: self.counts() == {}, lambda: f"everything has ended and is removed: {self.counts()}")
        self.assertIn("TASK_EXPIRED", self.baton("get", str(held), code=3).err)


if __name__ == "__main__":
    unittest.main()
