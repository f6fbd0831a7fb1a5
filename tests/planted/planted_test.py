#!/usr/bin/env python3
"""A planted fault counts as caught only if its proof fails by itself, and passes without the fault."""

import contextlib
import io
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import planted

SOUND = "int sound = 1;\n"
BUGS = [
    dict(name="first", file="a.cc", proof=("engine_test", ["--brief"]), old="sound", new="faulty"),
    dict(name="second", file="a.cc", proof=("engine_test", ["--brief"]), old="1", new="2"),
    dict(name="third", file="a.cc", proof=("simulation", []), old="1", new="3"),
]


class PlantedTest(unittest.TestCase):

    def plant(self, exit_code, *names):
        """The exit code, what is printed, and which program saw which sources; `exit_code` of a program by the sources
        that it is built from."""
        saw = []
        printed = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "a.cc"
            source.write_text(SOUND)

            def run(arguments, limit=None):
                if limit is None:  # It configures, or builds.
                    return subprocess.CompletedProcess(arguments, 0, "", "")
                saw.append((Path(arguments[0]).name, source.read_text()))
                return subprocess.CompletedProcess(arguments, exit_code(source.read_text()), "", "its words")

            with mock.patch.multiple(planted, BUGS=BUGS, ROOT=Path(folder), COPY=Path(folder), run=run,
                                     copy_sources=lambda: None), \
                    mock.patch.object(sys, "argv", ["planted.py", *names]), contextlib.redirect_stdout(printed):
                code = planted.main()
            self.assertEqual(source.read_text(), SOUND)
        return code, printed.getvalue(), saw

    def test_each_proof_passes_once_on_sound_sources_before_faults_are_planted(self):
        code, printed, saw = self.plant(lambda text: 0 if text == SOUND else 1)
        self.assertEqual(saw[:2], [("engine_test", SOUND), ("baton-simulation", SOUND)])
        self.assertEqual([program for program, _ in saw[2:]], ["engine_test", "engine_test", "baton-simulation"])
        self.assertNotIn(SOUND, [text for _, text in saw[2:]])
        self.assertIn("passes     engine_test --brief on the sound sources\n", printed)
        self.assertEqual((code, printed.count("caught ")), (0, 3))
        self.assertTrue(printed.endswith("\n3 passed, 0 failed\n"), printed)

    def test_only_the_proofs_of_the_faults_that_are_named_are_run(self):
        code, _, saw = self.plant(lambda text: 0 if text == SOUND else 1, "third")
        self.assertEqual((code, [program for program, _ in saw]), (0, ["baton-simulation", "baton-simulation"]))

    def test_a_fault_that_no_proof_notices_has_escaped(self):
        code, printed, _ = self.plant(lambda text: 0)
        self.assertEqual((code, printed.count("ESCAPED")), (1, 3))

    def test_a_proof_that_does_not_end_has_caught_nothing(self):
        code, printed, _ = self.plant(lambda text: planted.OVER_TIME if "faulty" in text else int(text != SOUND))
        self.assertEqual((code, printed.count("UNDECIDED  first  by engine_test: its words")), (1, 1))
        self.assertTrue(printed.endswith("\n2 passed, 1 failed\n"), printed)

    def test_a_proof_that_does_not_pass_without_a_fault_proves_nothing(self):
        for exit_code, word in ((1, "fails"), (planted.OVER_TIME, "undecided")):
            with self.subTest(word):
                code, printed, saw = self.plant(lambda text, exit_code=exit_code: exit_code)
                self.assertEqual((code, saw), (1, [("engine_test", SOUND)]))
                self.assertTrue(printed.startswith(word), printed)
                self.assertIn("engine_test --brief on the sound sources: its words\n", printed)

    def test_a_program_whose_time_is_over_is_told_from_one_that_fails(self):
        with mock.patch.object(subprocess, "run", side_effect=subprocess.TimeoutExpired("engine_test", 1)):
            ended = planted.run(["engine_test"], 1)
        self.assertEqual((ended.returncode, ended.stderr), (planted.OVER_TIME, "it did not end within 1 s"))


if __name__ == "__main__":
    unittest.main()
