#!/usr/bin/env python3
"""Stores that earlier versions wrote, one of each format: they open, are without damage, tell what they did then, and
their tasks go on. See pinned_store.py.
"""

import json
import shutil
import tarfile
import unittest

from harness import ProcessTest, wait_until
from pinned_store import GATE, PINNED, SETTINGS, TOP, facts, start_worker, verified

ARCHIVE_LIMIT = 200 << 10


class UpgradeTest(ProcessTest):

    settings = SETTINGS

    def unpack(self, archive):
        """Its data directory, fresh, and what was written down of it."""
        shutil.rmtree(self.data, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(self.folder)
        (self.folder / TOP).rename(self.data)
        return json.loads((archive.parent / archive.name.replace(".tar.gz", ".json")).read_text())

    def each_format(self):
        archives = sorted(PINNED.glob("format-*.tar.gz"))
        self.assertTrue(archives, PINNED)
        for archive in archives:
            with self.subTest(archive.name):
                yield self.unpack(archive)
            if self.broker is not None and self.broker.runs():
                self.broker.kill()

    def check_told(self, now, then, where):
        """All that was told then is told now; later versions may tell more."""
        if isinstance(then, dict):
            for key, value in then.items():
                self.assertIn(key, now, where)
                self.check_told(now[key], value, f"{where}.{key}")
        elif isinstance(then, list):
            self.assertEqual(len(now), len(then), where)
            for i, value in enumerate(then):
                self.check_told(now[i], value, f"{where}[{i}]")
        else:
            self.assertEqual(now, then, where)

    def test_there_is_one_of_this_format_and_all_are_small(self):
        self.start_broker()
        version = self.baton("info", "-o", "json").json()["format_version"]
        for number in range(1, version + 1):
            self.assertTrue((PINNED / f"format-{number}.tar.gz").exists(), f"make it with pinned_store.py: {number}")
        for path in PINNED.iterdir():
            self.assertLess(path.stat().st_size, ARCHIVE_LIMIT, path)

    def test_each_is_without_damage(self):
        for text in self.each_format():
            self.assertEqual(verified(self.data), text["verified"])

    def test_each_tells_what_it_told_when_it_was_made(self):
        for text in self.each_format():
            self.start_broker()
            for name, told in facts(self, text["ids"]).items():
                self.check_told(told, text[name], name)

    def test_the_tasks_of_each_go_on(self):
        for text in self.each_format():
            ids = text["ids"]
            self.start_broker(settings={**SETTINGS, "workers.beat_interval": "300ms", "workers.beat_window": "2s"})
            self.assertEqual(self.submit("nobody", 1, "--unique-key", "pinned-key"), ids["keyed"])
            (self.folder / GATE).touch()
            start_worker(self, "worker-2", self.folder)
            for name in ("running", "held-child", "parent-waiting"):
                self.assertEqual(self.wait_for_end(ids[name])["worker_id"], "worker-2", name)
            self.assertEqual(self.outcomes(ids["running"])[-1], ("worker-2", "SUCCEEDED"))
            self.baton("resume", str(ids["suspended"]), "--decision", "1")
            self.assertEqual(self.wait_for_end(ids["suspended"])["result"]["decision"], 1)
            self.baton("unpause", str(ids["paused"]))
            self.baton("types", "unpause", "held-back")
            self.baton("retry", str(ids["cancelled"]))
            for name in ("paused", "of-paused-type", "cancelled"):
                self.baton("cancel", str(ids[name]))
                self.wait_for_end(ids[name], "CANCELLED")
            fired = self.baton("schedule", "trigger", "monthly", "-o", "json").json()["task_id"]
            self.assertEqual(self.wait_for_end(fired)["result"], "by schedule")
            self.assertGreater(fired, max(ids.values()), "ids are not used twice")
            self.baton("delete", str(ids["completed"]))
            wait_until(lambda task=ids["completed"]: "TASK_EXPIRED" in self.baton("get", str(task), code=3).err,
                       "a task of then is deleted")
            self.broker.terminate()
            self.assertRegex(verified(self.data), "^tasks ")


if __name__ == "__main__":
    unittest.main()
