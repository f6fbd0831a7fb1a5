#!/usr/bin/env python3
"""Bad disks under the real broker: full, read-only, and one that dies. Nothing that was acknowledged is lost, new work
is refused in time, and where the broker has to stop, it says so.
"""

import random
import unittest

from bad_disk import MIB, BadDiskTest, enter_namespace
from harness import PATIENCE, program, run_program, wait_until

# What is flushed and compacted needs room too, and the disks are small.
SMALL_STORE = {"storage.memtable_bytes": "1MiB", "storage.block_cache_bytes": "1MiB"}


def incompressible(seed, size):
    return random.Random(seed).randbytes(size // 2).hex()


class FullDiskTest(BadDiskTest):

    settings = {**SMALL_STORE, "storage.reserve_bytes": "24MiB"}

    def refused_submit(self):
        error = self.baton("submit", "echo", "--json", "1", code=5).err
        self.assertIn(f"the disk of data directory {self.data} has", error)
        self.assertIn("MiB free, less than storage.reserve_bytes (24.0 MiB)", error)
        self.assertIn("Free some space, or lower that setting", error)

    def test_new_tasks_are_refused_in_time_and_what_has_begun_goes_on(self):
        self.mount()
        self.start()
        self.start_worker(concurrency=1)
        held = self.submit("hold", {"until": str(self.gate())})
        self.processes[-1].wait_for("start", held)
        waiting = [self.submit("echo", {"n": n}) for n in range(5)]
        self.fill(leave=16 * MIB)
        self.refused_submit()
        self.assertIn("storage.reserve_bytes",
                      self.baton("schedule", "create", "nightly", "@daily", "echo", code=5).err)
        # Outcomes pass.
        self.gate().touch()
        self.assertEqual(self.wait_for_end(held)["result"], "held")
        for n, task in enumerate(waiting):
            self.assertEqual(self.wait_for_end(task)["result"], {"n": n})
        self.assertEqual(self.broker.log().count("less than storage.reserve_bytes"), 1, "the log is told once")
        # No restart is needed when there is room again.
        self.empty()
        self.wait_for_end(self.submit("echo", 1))
        self.assertIn("there is room on the disk again", self.broker.log())

    def test_a_repeat_of_what_was_accepted_is_answered(self):
        self.mount()
        self.start()
        call = ["submit", "nobody", "--request-id", "once", "--quiet"]
        first = self.baton(*call).out
        self.fill(leave=16 * MIB)
        self.assertEqual(self.baton(*call).out, first)
        self.refused_submit()

    def test_tasks_that_fill_the_disk_are_kept_and_retention_makes_room_again(self):
        self.mount()
        self.settings = {**self.settings, "retention.ended": "1s", "engine.page_interval": "100ms",
                         "engine.watch_window": "0s", "engine.watch_bytes": 0}
        self.start()
        # Most of it is somebody else's.
        self.fill(leave=34 * MIB)
        payload = incompressible(1, 600_000)
        acknowledged, answer = [], None
        while answer is None or answer.code == 0:
            ids, answer = self.try_submit(payload)
            acknowledged += ids
        self.assertEqual(answer.code, 5, answer.err)
        self.assertGreater(self.free(), 8 * MIB, "there is room left for what has begun")
        self.broker.kill()
        self.start()
        self.assertEqual(self.pending(), len(acknowledged))
        self.baton("bulk", "cancel", "--type", "nobody", "--wait", "--reason", "makes room")
        wait_until(lambda: self.free() > 29 * MIB, lambda: f"retention frees space: {self.free()}", 2 * PATIENCE)
        self.submit("echo", 1)

    def test_a_broker_that_meets_a_full_disk_stops_and_nothing_is_lost(self):
        self.mount()
        self.settings = {**SMALL_STORE, "storage.reserve_bytes": "none", "storage.ballast_bytes": "8MiB"}
        self.start()
        ballast = self.data / "BALLAST"
        self.assertEqual(ballast.stat().st_size, 8 * MIB)
        self.fill(leave=2 * MIB)
        payload = incompressible(2, 200_000)
        acknowledged, answer = [], None
        while answer is None or answer.code == 0:
            ids, answer = self.try_submit(payload)
            acknowledged += ids
        self.stopped_loudly()
        self.assertIn("No space left on device", self.broker.log())
        self.fill(leave=0)
        # The ballast is enough to start with.
        self.start(name="with-ballast")
        self.assertIn("the ballast is given up", self.broker.log())
        for task in acknowledged:
            self.assertEqual(self.get(task)["state"], "PENDING")
        self.broker.terminate()
        self.verified()
        ballast.unlink(missing_ok=True)
        self.fill(leave=0)
        line = self.refused_start()
        self.assertIn("No space left on device", line)
        self.assertIn("Free some space", line)
        self.empty()
        self.start(name="with-room")
        self.assertTrue(ballast.exists(), "it is made again")
        # One more may be there: it was written, but not acknowledged.
        self.assertIn(self.pending() - len(acknowledged), (0, 1))


class ReadOnlyDiskTest(BadDiskTest):

    settings = {**SMALL_STORE, "storage.reserve_bytes": "none"}

    def test_a_start_on_a_read_only_disk_is_refused_with_the_cure(self):
        self.mount()
        self.start()
        self.submit("nobody")
        self.broker.terminate()
        self.assertTrue(self.remount("ro"))
        line = self.refused_start()
        self.assertIn(f"data directory {self.data}: Read-only file system", line)
        self.assertIn("give this user the right to read and write it, or name another directory", line)
        verified = run_program([program("BATOND"), "verify", self.data])
        self.assertEqual(verified.code, 0, f"{verified.out}\n{verified.err}")
        self.assertTrue(self.remount("rw"))
        self.start()
        self.assertEqual(self.pending(), 1)

    def test_a_disk_that_dies_stops_the_broker_and_what_was_acknowledged_is_there(self):
        self.mount()
        self.start()
        acknowledged = [task for _ in range(10) for task in self.submit_many(10)]
        if not self.remount("abort"):
            self.skipTest("the file system cannot be made to fail: it is not ext4")
        _, answer = self.try_submit("{}")
        self.assertNotEqual(answer.code, 0, "nothing is acknowledged that is not on disk")
        self.stopped_loudly()
        self.assertIn("the state of the disk is unknown", self.broker.log())
        self.mount_again()
        self.start(name="again")
        self.assertEqual(self.pending(), len(acknowledged))
        self.assertEqual(self.get(acknowledged[-1])["state"], "PENDING")


if __name__ == "__main__":
    enter_namespace()
    unittest.main()
