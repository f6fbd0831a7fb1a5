#!/usr/bin/env python3
"""Backups of a broker under load, and brokers that are started from them, as deploy/README.md tells to do it."""

import os
import re
import shutil
import unittest
from pathlib import Path

from broker_restart_test import CHUNK, Submitter
from harness import Broker, ProcessTest, program, run_program, wait_until
from readme_blocks import command_blocks

GUIDE = (Path(program("SOURCE_ROOT")) / "deploy/README.md").read_text()
# Places that it names; here they are in the folder of the test.
PLACES = re.compile(r"(?<![\w/])/(?:var/lib/baton|var/lib|var/backups/baton|tmp)(?!\w)")
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


class GuideTest(BackupProcessTest):
    """Runs what the guide shows, each section in the order in which it stands there."""

    def setUp(self):
        super().setUp()
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name in ("BATON", "BATOND"):
            (self.bin / name.lower()).symlink_to(program(name))
        # The broker of this test is no service of the machine, and there is no user for it.
        for name, body in (("systemctl", ":"), ("chown", ":"), ("install", 'mkdir -p "${@: -1}"')):
            script = self.bin / name
            script.write_text(f"#!/usr/bin/env bash\n{body}\n")
            script.chmod(0o755)
        self.data = self.folder / "lib/baton"
        self.data.parent.mkdir()
        self.environment = {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        self.places = {"/var/lib/baton": self.data, "/var/lib": self.data.parent, "/var/backups/baton": self.backups,
                       "/tmp": self.folder}

    def commands(self, heading):
        section = re.search(rf"^##+ {heading}\n(.*?)(?=^##|\Z)", GUIDE, re.MULTILINE | re.DOTALL)
        self.assertIsNotNone(section, f"deploy/README.md has a section '{heading}'")
        lines = [line for block in command_blocks(section.group(1)) for line in block.splitlines()]
        commands = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
        self.assertTrue(commands)
        return [command for command in commands if command]

    def run_commands(self, heading):
        for command in self.commands(heading):
            command = command.removeprefix("sudo ")
            command = PLACES.sub(lambda found: str(self.places[found.group()]), command)
            self.environment["BATON_BROKER"] = self.broker.address
            answer = run_program(["bash", "-o", "pipefail", "-c", command], self.environment)
            self.assertEqual(answer.code, 0, f"{command}\n{answer.out}\n{answer.err}")
            if command.startswith("systemctl stop"):
                self.broker.terminate()
            elif command.startswith("systemctl start"):
                self.start_broker()

    def test_backing_up_and_restoring_as_the_guide_says(self):
        self.start_broker()
        kept = self.submit("echo", "kept")
        self.run_commands("Back up")
        lost = self.submit("echo", "lost")
        self.run_commands("Restore")
        self.assertEqual(self.get(kept)["state"], "PENDING")
        self.baton("get", str(lost), code=3)
        self.start_worker()
        self.wait_for_end(kept)

    def test_moving_to_another_host_as_the_guide_says(self):
        self.start_broker()
        kept = self.submit("echo", "kept")
        incarnation = self.baton("info", "-o", "json").json()["incarnation"]
        self.run_commands("Move to another host")
        self.assertEqual(self.get(kept)["state"], "PENDING")
        self.assertEqual(self.baton("info", "-o", "json").json()["incarnation"], incarnation, "a move is no restore")

    def test_a_copy_of_a_stopped_broker_as_the_guide_says(self):
        self.start_broker()
        kept = self.submit("echo", "kept")
        incarnation = self.baton("info", "-o", "json").json()["incarnation"]
        self.run_commands("Copy a stopped broker")
        self.broker.terminate()
        shutil.rmtree(self.data)
        (self.folder / "lib/baton-copy").rename(self.data)
        self.start_broker()
        self.assertEqual(self.get(kept)["state"], "PENDING")
        self.assertNotEqual(self.baton("info", "-o", "json").json()["incarnation"], incarnation)


if __name__ == "__main__":
    unittest.main()
