#!/usr/bin/env python3
"""Backups of a broker under load, and brokers that are started from them."""

import shutil
import unittest

from broker_restart_test import CHUNK, Submitter
from harness import Broker, ProcessTest, program, run_program, wait_until

# How long a new broker waits for the workers of the one before.
FAST = {"workers.beat_interval": "300ms", "workers.beat_window": "2s"}


class BackupProcessTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.backups = self.folder / "backups"
        self.settings = {**FAST, "backup.directory": str(self.backups)}

    def verify(self, directory):
        answer = run_program([program("BATOND"), "verify", str(directory)])
        self.assertEqual(answer.code, 0, f"{answer.out}\n{answer.err}")
        self.assertIn("No damage was found.", answer.out)

    def restore(self, name):
        shutil.rmtree(self.data)
        shutil.copytree(self.backups / name, self.data)

    def everything_has_ended(self):
        counts = self.baton("stats", "-o", "json").json()["counts"]
        return counts if counts["pending"] == counts["running"] == 0 else None

    def listed(self):
        return {task["id"]: task for task in self.baton("list", "--limit", "0", "-o", "jsonl").json_lines()}


class RestoreTest(BackupProcessTest):

    def test_a_backup_under_load_has_all_that_was_acknowledged_and_goes_on_with_the_same_workers(self):
        gate = self.gate()
        self.start_broker()
        worker = self.start_worker(concurrency=8, prefetch=16)
        held = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", held)
        submitter = Submitter(self)
        submitter.start()
        wait_until(lambda: len(submitter.acknowledged) >= 5 * CHUNK, "tasks are acknowledged")
        before = set(submitter.acknowledged)
        self.baton("backup", "under-load")
        wait_until(lambda: len(submitter.acknowledged) >= len(before) + 5 * CHUNK, "tasks are acknowledged after it")
        self.verify(self.backups / "under-load")

        self.broker.kill()
        self.restore("under-load")
        self.start_broker()
        # The handler of the attempt of before still runs, and its outcome must not count.
        wait_until(lambda: self.outcomes(held)[0] == (worker.name, "INTERRUPTED"), lambda: self.outcomes(held))
        gate.touch()
        ended = self.wait_for_end(held)
        self.assertEqual((ended["attempt"], ended["interruptions"]), (2, 1))
        submitter.end()
        wait_until(self.everything_has_ended, lambda: f"everything ends: {self.baton('stats').out}{worker.log()}", 60)
        listed = self.listed()
        self.assertEqual(before - set(listed), set(), "acknowledged before the backup")
        self.assertEqual({task["state"] for task in listed.values()}, {"COMPLETED"})
        self.broker.terminate()
        self.verify(self.data)

    def test_original_and_restored_broker_live_side_by_side(self):
        self.start_broker()
        original, data = self.broker, self.data
        tasks = [self.submit("echo", number) for number in range(20)]
        self.baton("backup", "copy")
        self.data = self.folder / "other"
        shutil.copytree(self.backups / "copy", self.data)
        settings = {**self.settings, "backup.directory": str(self.folder / "other-backups")}
        restored = Broker(self.folder, self.data, settings=settings, name="restored")
        self.processes.append(restored)
        for broker in (original, restored):
            self.broker = broker
            self.start_worker(f"worker-of-{broker.name}")
            for task in tasks:
                self.assertEqual(self.wait_for_end(task)["worker_id"], f"worker-of-{broker.name}")
            self.baton("backup", "again")
        for broker in (original, restored):
            self.assertEqual(broker.terminate(), 0)
        for directory in (data, self.data, self.backups / "copy", self.backups / "again"):
            self.verify(directory)

    def test_a_broker_started_in_the_backup_itself_leaves_the_original_alone(self):
        self.start_broker()
        original = self.broker
        self.submit("echo", 1)
        self.baton("backup", "used")
        used = Broker(self.folder, self.backups / "used", name="used")
        self.processes.append(used)
        self.broker = used
        for _ in range(3):
            self.baton("submit", "nobody", "--count", "1000", "--quiet")
        self.broker = original
        self.baton("submit", "nobody", "--count", "1000", "--quiet")
        for broker in (used, original):
            broker.kill()
        for directory in (self.data, self.backups / "used"):
            self.verify(directory)

    def test_a_broker_without_a_backup_directory_says_what_to_set(self):
        self.settings = FAST
        self.start_broker()
        self.assertIn("set backup.directory", self.baton("backup", "x", code=4).err)
        self.assertIn("set backup.directory", self.baton("backups", code=4).err)

    def test_a_backup_directory_within_the_data_directory_is_refused(self):
        path = self.folder / "batond.toml"
        path.write_text(f'[backup]\ndirectory = "{self.data}/backups"\n')
        answer = run_program([program("BATOND"), "--data-dir", self.data, "--config", path])
        self.assertEqual(answer.code, 2)
        self.assertIn("backup.directory", answer.err)


if __name__ == "__main__":
    unittest.main()
