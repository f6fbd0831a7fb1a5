#!/usr/bin/env python3
"""`batond verify` on real stores: what it tells, its exit codes, that it changes nothing, and what a repair gives.

Exit codes: 0 no damage, or all mended; 1 damaged; 2 it could not be verified.
"""

import os
import pwd
import subprocess
import unittest

from harness import ProcessTest, program, run_program


class VerifyTest(ProcessTest):

    def verify(self, code, *words, directory=None):
        answer = run_program([program("BATOND"), "verify", str(directory or self.data), *words])
        self.assertEqual(answer.code, code, f"{answer.out}\n{answer.err}")
        return answer

    def damage(self, *words):
        subprocess.run([program("DAMAGE_STORE"), str(self.data), *[str(word) for word in words]], check=True)

    def files(self):
        return {path.name: path.read_bytes() for path in self.data.iterdir()}

    def lived(self):
        """A broker with tasks in several states, killed."""
        self.start_broker()
        self.start_worker(concurrency=4)
        self.done = self.submit("echo", {"n": 1})
        self.wait_for_end(self.done)
        self.held = self.submit("hold", {"until": str(self.gate())})
        self.processes[-1].wait_for("start", self.held)
        self.approve = self.submit("approve", {"n": 2})
        self.wait_for_state(self.approve, "SUSPENDED")
        self.waiting = self.submit("nobody", {"n": 3}, "--unique-key", "key")
        self.broker.kill()

    def finish(self):
        self.start_broker()
        self.gate().touch()
        self.wait_for_end(self.held)
        self.baton("resume", str(self.approve), "--decision", "1")
        self.wait_for_end(self.approve)
        self.assertEqual(self.get(self.waiting)["state"], "PENDING")

    def test_a_store_of_a_killed_broker_is_clean_and_left_as_it_is(self):
        self.lived()
        before = self.files()
        for _ in range(2):
            answer = self.verify(0)
            self.assertIn("No damage was found.", answer.out)
            self.assertIn("tasks 1 pending, 1 running, 1 suspended, 1 completed;", answer.out)
            self.assertIn(" 1 unique keys,", answer.out)
            self.assertEqual(answer.err, "")
        self.assertIn("No damage was found.", self.verify(0, "--repair").out)
        self.assertEqual(self.files(), before, "looking changes no byte")
        self.finish()

    def test_lost_pages_are_found_and_rebuilt_and_the_work_goes_on(self):
        self.lived()
        self.damage("pages")
        before = self.files()
        answer = self.verify(1)
        self.assertIn(f"state: task {self.done}: the live table says NONE, its records COMPLETED", answer.out)
        self.assertIn("5 findings: 1 next-id, 4 state", answer.out)
        self.assertIn(f"batond verify {self.data} --repair", answer.out.splitlines()[-1])
        self.assertEqual(self.files(), before)
        answer = self.verify(0, "--repair")
        self.assertEqual(answer.out.splitlines()[-1], "No damage is left: the broker can be started.")
        self.assertIn("tasks 2 pending, 1 suspended, 1 completed;", answer.out)
        self.verify(0)
        # The worker, which still runs an attempt of before, is told that it is over.
        self.finish()
        self.assertEqual(self.get(self.done)["result"], {"n": 1})

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_what_root_repairs_belongs_to_the_owner_of_the_directory(self):
        self.lived()
        self.damage("pages")
        nobody = pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        (self.data / "LOCK").unlink()  # As in a copy.
        for path in [self.data, *self.data.iterdir()]:
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        self.verify(1)
        self.verify(0, "--repair")
        owners = {(path.stat().st_uid, path.stat().st_gid) for path in self.data.iterdir()}
        self.assertEqual(owners, {(nobody.pw_uid, nobody.pw_gid)})

    def test_a_lost_outcome_is_refused_and_dropped_only_on_demand(self):
        self.lived()
        self.damage("end", self.done)
        answer = self.verify(1, "--repair")
        self.assertIn(f"missing-end (lost): task {self.done}: the live table says COMPLETED", answer.out)
        self.assertIn("Restore a backup; or give up", answer.out)
        answer = self.verify(1, "--repair")
        self.assertIn("1 finding: 1 missing-end", answer.out)
        self.assertIn("tasks 2 pending, 1 suspended, 1 removed;", self.verify(0, "--repair", "--drop-lost").out)
        self.finish()
        self.assertIn("TASK_EXPIRED", self.baton("get", str(self.done), code=3).err)

    def test_a_store_in_use_is_refused_and_its_broker_unharmed(self):
        self.start_broker()
        answer = self.verify(2)
        self.assertIn(f"data directory {self.data} is in use by another batond", answer.err)
        self.verify(2, "--repair")
        self.start_worker()
        self.wait_for_end(self.submit("echo", 1))

    def test_where_there_is_no_store_none_is_created(self):
        missing = self.folder / "missing"
        self.assertIn(f"data directory {missing} does not exist", self.verify(2, directory=missing).err)
        self.verify(2, "--repair", directory=missing)
        self.assertFalse(missing.exists())
        self.assertIn("holds no store", self.verify(2, directory=self.folder).err)
        file = self.folder / "file"
        file.write_text("")
        self.assertIn("Not a directory", self.verify(2, directory=file).err)

    def test_a_store_of_a_newer_version_is_refused(self):
        self.start_broker()
        self.broker.terminate()
        subprocess.run([program("RAISE_FORMAT"), str(self.data)], check=True)
        self.assertIn("format version 2, written by batond 99.0.0", self.verify(2, "--repair").err)

    def test_a_damaged_file_is_named_with_the_way_out(self):
        self.start_broker()
        for _ in range(20):
            self.baton("submit", "nobody", "--count", "1000", "--quiet")
        # A second start turns the log into tables.
        self.broker.kill()
        self.start_broker()
        self.broker.terminate()
        table = max(self.data.glob("*.sst"), key=lambda path: path.stat().st_size)
        with table.open("r+b") as file:
            file.seek(table.stat().st_size // 3)
            file.write(b"\xff" * 64)
        answer = self.verify(1)
        self.assertIn(f"data directory {self.data} is damaged", answer.err)
        self.assertIn(table.name, answer.err)
        self.assertIn("Restore a backup", answer.err)

    def test_wrong_flags_are_refused_and_help_tells_the_rest(self):
        self.assertEqual(run_program([program("BATOND"), "verify"]).code, 2)
        self.verify(2, "--drop-lost")
        self.verify(2, "--repairs")
        answer = self.verify(0, "--help")
        for word in ("--repair", "--drop-lost", "Exit codes: 0 no damage", "(lost)"):
            self.assertIn(word, answer.out)
        self.assertIn("verify", run_program([program("BATOND"), "--help"]).out)


if __name__ == "__main__":
    unittest.main()
