#!/usr/bin/env python3
"""Bytes that went bad under the real broker: a log that was cut off or altered, altered tables, a record of a task that
cannot be read. What was acknowledged is there, or the broker says that it is not, and what helps.
"""

import json
import random
import re
import shutil
import subprocess
import unittest

from bad_disk import BadDiskTest
from harness import program, run_program, wait_until


class DamagedLogTest(BadDiskTest):
    """The write-ahead log of a killed broker, cut off or altered, and what a start makes of it."""

    def acknowledged(self, calls=30):
        """A killed broker; after each acknowledged call, how many tasks there were and how long the log was."""
        self.start()
        self.log = max(self.data.glob("*.log"))
        steps = [(0, 0)]
        for _ in range(calls):
            count = len(self.submit_many(5, json.dumps({"some": "payload" * 20})))
            steps.append((steps[-1][0] + count, self.log.stat().st_size))
        self.broker.kill()
        return steps

    def altered(self, alter):
        """A copy of the data directory, with its log altered."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.data, copy)
        with (copy / self.log.name).open("r+b") as file:
            alter(file)
        return copy

    def found(self, directory):
        """How many tasks a look at the store finds; None, and what it said, if it does not open."""
        answer = run_program([program("BATOND"), "verify", directory])
        if answer.code == 0:
            tasks = re.search(r"tasks (?:none|(\d+) pending);", answer.out)
            return int(tasks.group(1) or 0), answer.out
        self.assertEqual(answer.code, 1, answer.out + answer.err)
        return None, answer.err

    @staticmethod
    def last_block(size):
        """Where the last block of a log begins, with the header of a record."""
        return size // (32 << 10) * (32 << 10)

    def test_a_log_cut_anywhere_keeps_every_task_that_was_acknowledged_before(self):
        steps = self.acknowledged()
        draw = random.Random(3)
        first = steps[1][1]
        for cut in [steps[-1][1] - 1, first, first - 1, *(draw.randrange(first, steps[-1][1]) for _ in range(6))]:
            with self.subTest(cut=cut):
                # What was acknowledged when the log had that size was in it.
                kept = max(tasks for tasks, size in steps if size <= cut)
                tasks, said = self.found(self.altered(lambda file, cut=cut: file.truncate(cut)))
                self.assertIsNotNone(tasks, said)
                self.assertGreaterEqual(tasks, kept)
                self.assertEqual(tasks % 5, 0, "a call is there as a whole or not at all")
        # As a power cut leaves it: space was set aside, and nothing written there.
        tasks, said = self.found(self.altered(lambda file: file.truncate(steps[-1][1] + 10_000)))
        self.assertEqual(tasks, steps[-1][0], said)
        # A broker works on it, too.
        self.data = self.altered(lambda file: file.truncate(steps[-1][1] - 1))
        self.start(name="after-the-cut")
        left = self.pending()
        self.assertGreaterEqual(left, steps[-2][0])
        self.assertEqual(self.submit("nobody"), left + 1)

    def test_a_byte_that_was_flipped_in_the_log_is_never_passed_over(self):
        steps = self.acknowledged()
        size = self.log.stat().st_size
        draw = random.Random(4)

        def flip(file, place, bit=None):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1 << (draw.randrange(8) if bit is None else bit)]))

        # A record that claims to reach beyond the end of the file looks as if it had been cut off.
        copy = self.altered(lambda file: flip(file, self.last_block(size) + 5, bit=7))
        tasks, said = self.found(copy)
        self.assertIsNone(tasks, "what was acknowledged is passed over")
        self.assertIn("is wrong, since whole records follow", said)
        for place in [0, 4, 6, size - 1, *(draw.randrange(size) for _ in range(6))]:
            with self.subTest(place=place):
                copy = self.altered(lambda file, place=place: flip(file, place))
                tasks, said = self.found(copy)
                if tasks is not None:
                    # It was in what is no part of a record.
                    self.assertEqual(tasks, steps[-1][0], said)
                    continue
                self.assertIn(f"data directory {copy} is damaged", said)
                self.assertIn("Restore a backup; or copy the directory and open it in the recovery mode", said)
        self.data = self.altered(lambda file: flip(file, size // 2))
        self.assertIn("point-in-time", self.refused_start())


class DamagedTableTest(BadDiskTest):

    settings = {"storage.block_cache_bytes": "1MiB", "engine.resident_tasks": 1024}

    def test_a_byte_that_was_flipped_in_a_table_stops_the_broker_when_it_needs_it(self):
        self.start()
        for _ in range(20):
            self.baton("submit", "echo", "--json", '"payload"', "--count", "1000", "--quiet")
        # A second start turns the log into tables.
        self.broker.kill()
        self.start()
        self.broker.terminate()
        table = max(self.data.glob("*.sst"), key=lambda path: path.stat().st_size)
        with table.open("r+b") as file:
            place = table.stat().st_size // 3
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 16]))
        self.start(name="with-a-bad-table")
        self.start_worker(concurrency=8)
        self.stopped_loudly()
        log = self.broker.log()
        self.assertIn(table.name, log)
        self.assertIn("batond verify", log)
        self.assertIn("restore a backup", log)
        # `verify` finds it, too; nothing is handed out that is not what was submitted.
        answer = run_program([program("BATOND"), "verify", self.data])
        self.assertEqual(answer.code, 1, answer.out + answer.err)
        self.assertIn(table.name, answer.err)


class DamagedTaskTest(BadDiskTest):
    """The record of one task that has not ended is unreadable: it is set aside, and all others go on."""

    def damage(self, task):
        subprocess.run([program("DAMAGE_STORE"), str(self.data), "task", str(task)], check=True)

    def verify(self, code, *words):
        answer = run_program([program("BATOND"), "verify", self.data, *words])
        self.assertEqual(answer.code, code, answer.out + answer.err)
        return answer.out

    def expect_shown(self, task):
        shown = self.baton("explain", str(task), "-o", "json").json()
        self.assertEqual([obstacle["kind"] for obstacle in shown["obstacles"]], ["DAMAGED"], shown)
        self.assertIn("batond verify", shown["task"]["waiting_for"])
        self.assertIn("--repair --drop-lost", self.baton("explain", str(task)).out)
        listed = {int(line["id"]): line for line in self.baton("list", "-o", "jsonl").json_lines()}
        self.assertIn(f"task {task} cannot be decoded", listed[task]["waiting_for"])
        self.assertEqual(listed[task]["type"], "echo")
        return listed

    def test_a_damaged_task_is_set_aside_and_all_others_go_on(self):
        self.start()
        tasks = [self.submit("echo", {"n": n}) for n in range(5)]
        self.broker.terminate()
        self.damage(tasks[1])
        self.start()
        self.start_worker(concurrency=2)
        for n in (0, 2, 3, 4):
            self.assertEqual(self.wait_for_end(tasks[n])["result"], {"n": n})
        self.assertEqual(len(self.expect_shown(tasks[1])), 5)
        said = f"task {tasks[1]}: its record is unreadable; it is set aside, all others go on"
        wait_until(lambda: said in self.broker.log(), lambda: f"the log tells of it: {self.broker.log()}")
        self.assertIn(f"batond verify {self.data}", self.broker.log())
        # Nothing can be done to it, and the broker does not mind.
        for verb in ("get", "cancel", "pause"):
            self.assertIn("batond verify", self.baton(verb, str(tasks[1]), code=7).err)
        self.wait_for_end(self.submit("echo", 1))
        self.broker.terminate()
        self.assertIn(f"(lost): task {tasks[1]}", self.verify(1))
        self.verify(0, "--repair", "--drop-lost")
        self.start()
        self.assertIn("TASK_EXPIRED", self.baton("get", str(tasks[1]), code=3).err)
        self.start_worker(name="worker-2")
        self.wait_for_end(self.submit("echo", 2))

    def test_a_damaged_task_that_was_running_stops_no_start(self):
        self.start()
        self.start_worker(concurrency=2)
        held, other = (self.submit("hold", {"until": str(self.gate())}) for _ in range(2))
        for task in (held, other):
            self.processes[-1].wait_for("start", task)
        address = self.broker.address
        self.broker.kill()
        self.damage(held)
        self.start(listen=address)
        self.gate().touch()
        self.assertEqual(self.wait_for_end(other)["result"], "held")
        self.assertEqual(self.baton("explain", str(held), "-o", "json").json()["obstacles"][0]["kind"], "DAMAGED")
        # Not even the second time, when its session is forgotten.
        self.broker.terminate()
        self.start(name="again")
        self.start_worker(name="worker-2")
        self.wait_for_end(self.submit("echo", 1))


if __name__ == "__main__":
    unittest.main()
