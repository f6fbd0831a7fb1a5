#!/usr/bin/env python3
"""Every command and every program that the README shows works as it says."""

import json
import os
import re
import shlex
import subprocess
import unittest
from pathlib import Path

from documents import sections
from harness import Process, ProcessTest, program, run_program, wait_until
from readme_blocks import cpp_blocks

ROOT = Path(program("SOURCE_ROOT"))
README = (ROOT / "README.md").read_text()
# Programs as the README names them, and where they are here.
PROGRAMS = {"baton": "BATON", "hello_worker": "HELLO_WORKER"}
# What is checked without being run: it builds everything, this test included.
SCRIPTS = ("./deploy/demo", "./tests/run", "./deploy/install-deps", "./tests/bench/peers/run")
BUILD = "cmake --preset release && cmake --build --preset release"


def all_commands():
    return [command for section in sections(README).values() for command, _ in section.steps()]


class ReadmeTest(ProcessTest):

    def setUp(self):
        super().setUp()
        # Not the default port: other brokers may run on this machine.
        self.address = f"unix:{self.folder}/batond.sock"
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        for name, variable in PROGRAMS.items():
            (self.bin / name).symlink_to(program(variable))
        self.write_script("batond", f'exec {program("BATOND")} "$@" --listen {self.address}')
        # grpcurl -plaintext -d JSON ADDRESS METHOD
        self.write_script("grpcurl", f"""[[ $1 == -plaintext && $2 == -d && $4 == 127.0.0.1:7461 ]] || exit 64
exec {program("GRPC_CALL")} {self.address} "$5" "$3"
""")
        self.environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "BATON_BROKER": self.address}

    def write_script(self, name, body):
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def run_command(self, command):
        answer = run_program(["bash", "-o", "pipefail", "-c", command], self.environment)
        self.assertEqual(answer.code, 0, f"{command}\n{answer.out}\n{answer.err}")
        return answer.out

    def start_in_background(self, command):
        """A command that ends with '&'."""
        command = command.removesuffix("&").replace("/tmp/baton-data", str(self.data))
        process = Process(self.folder, shlex.split(command)[0], ["bash", "-c", f"exec {command}"], self.environment)
        self.processes.append(process)

    def start_broker_and_worker(self):
        started = [command for command in all_commands() if command.endswith("&")]
        self.assertEqual([shlex.split(command)[0] for command in started], ["batond", "hello_worker"])
        for command in started:
            self.start_in_background(command)
        wait_until(lambda: self.answer("info").code == 0, "the broker serves")
        wait_until(lambda: len(json.loads(self.answer("workers", "-o", "json").out)) == 1, "the worker is there")

    def answer(self, *words):
        return run_program([program("BATON"), *words], self.environment)

    def test_a_task_from_the_command_line_and_by_grpcurl(self):
        self.start_broker_and_worker()
        outputs = {}
        for command in all_commands():
            if command.startswith(("baton ", "grpcurl ")):
                outputs[" ".join(command.split()[:2])] = self.run_command(command)
        self.assertEqual(sorted(outputs),
                         ["baton events", "baton list", "baton schedule", "baton submit", "grpcurl -plaintext"])
        self.assertIn("30 2 * * * (Europe/Berlin)", outputs["baton schedule"])
        self.assertEqual(outputs["baton submit"], "Hello, world!")
        self.assertRegex(outputs["baton list"], r"1\s+hello\s+COMPLETED")
        self.assertIn("COMPLETED", outputs["baton events"])
        submitted = json.loads(outputs["grpcurl -plaintext"])["results"][0]
        self.assertTrue(submitted["runnable"], submitted)
        self.assertEqual(self.answer("wait", submitted["task_id"]).out, 'Hello, "world"!')

    def test_every_command_is_checked_by_some_test(self):
        for command in all_commands():
            first = shlex.split(command)[0]
            known = command.endswith("&") or first in ("baton", "grpcurl") or first in SCRIPTS or command == BUILD
            self.assertTrue(known, f"no test knows what to do with: {command}")

    def test_the_scripts_are_there_and_explain_themselves(self):
        for script in SCRIPTS:
            self.assertIn(script, " ".join(all_commands()))
            path = ROOT / script
            self.assertTrue(os.access(path, os.X_OK), f"{script} is not executable")
            usage = run_program([path, "--help"])
            self.assertEqual(usage.code, 0, usage.err)
            self.assertIn("usage:", usage.out.lower())
            if "bash" in path.read_text().splitlines()[0]:
                subprocess.run(["bash", "-n", path], check=True)

    def test_the_build_commands_are_those_of_the_test_script(self):
        self.assertIn(BUILD, all_commands())
        script = (ROOT / "tests/run").read_text()
        for command in ('cmake --preset "$1"', 'cmake --build --preset "$1"', "build release"):
            self.assertIn(command, script)
        presets = json.loads((ROOT / "CMakePresets.json").read_text())
        for kind in ("configurePresets", "buildPresets"):
            self.assertIn("release", [preset["name"] for preset in presets[kind]])

    def test_the_worker_shown_works_with_the_submitter_shown(self):
        self.assertEqual(len(cpp_blocks(README)), 2, "CMakeLists.txt compiles two programs of the README")
        self.assertLess(len(cpp_blocks(README)[0].splitlines()), 20, "a worker in under 20 lines")
        self.start_in_background(f"batond --data-dir {self.data} &")
        wait_until(lambda: self.answer("info").code == 0, "the broker serves")
        self.processes.append(Process(self.folder, "readme_worker", [program("README_WORKER")], self.environment))
        answer = run_program([program("README_CLIENT")], self.environment)
        self.assertEqual((answer.code, answer.out), (0, "Hello, world!\n"), answer.err)

    def test_the_figures_are_the_defaults(self):  # B262, S114
        settings = run_program([program("BATOND"), "--print-config"]).out
        prose = " ".join(README.split())
        for sentence, setting in [
            ("1.5 s after its connection closed", 'grace = "1500ms"'),
            ("after 15 s of silence", 'beat_window = "15s"'),
            ("ten such interruptions", "interruptions = 10"),
            ("127.0.0.1:7461", 'listen = "127.0.0.1:7461"'),
        ]:
            self.assertIn(sentence, prose)
            self.assertIn(setting, settings)

    def test_every_file_and_folder_named_is_there(self):
        named = re.findall(r"`([\w./-]+/[\w./-]*)`", README)
        for path in named:
            if path.startswith("build/"):
                continue
            self.assertTrue((ROOT / path).exists() or (ROOT / "proto" / path).exists(), f"{path} is not there")
        self.assertGreater(len(named), 8)


if __name__ == "__main__":
    unittest.main()
