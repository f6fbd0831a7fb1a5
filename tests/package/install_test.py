#!/usr/bin/env python3
"""`cmake --install` into an empty prefix: the files, the library in a project of a user's own, and what comes along."""

import gzip
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from installation import BUILD, CMAKE, SOURCE_ROOT, VERSION, differences, files_below, listed_files, run
from harness import Broker, Process, run_program

COMPONENTS = ["batond", "baton", "baton-dev"]


class InstallTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="baton-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.prefix = cls.folder / "prefix"
        for component in COMPONENTS:
            run(CMAKE, "--install", BUILD, "--prefix", cls.prefix, "--component", component, "--strip")
        cls.batond = cls.prefix / "bin" / "batond"
        cls.baton = cls.prefix / "bin" / "baton"
        os.environ["BATOND"] = str(cls.batond)

    def test_what_is_installed_is_what_the_list_says(self):
        listed = [path for component in COMPONENTS for path in listed_files(component)]
        self.assertEqual(differences(files_below(self.prefix), listed), [],
                         "if the change is meant, change tests/package/installed_files.txt")

    def test_the_public_headers_need_neither_grpc_nor_protobuf(self):
        for header in sorted((self.prefix / "include" / "baton").glob("*.h")):
            needs = re.findall(r"#include [<\"]((?:grpc|google)[^>\"]*)", header.read_text())
            # Typed payloads, for those who ask for them.
            allowed = ["google/protobuf/message_lite.h"] if header.name == "protobuf.h" else []
            self.assertEqual(needs, allowed, header.name)

    def test_each_public_header_compiles_alone(self):
        headers = sorted((self.prefix / "include" / "baton").glob("*.h"))
        self.assertGreater(len(headers), 10)
        for header in headers:
            # Twice: it guards itself.
            source = f"#include <baton/{header.name}>\n" * 2
            command = ["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
                       "-fsyntax-only", "-I", str(self.prefix / "include"), "-x", "c++", "-"]
            done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), header.name)

    def test_a_project_finds_builds_and_runs_with_the_library(self):
        build = self.folder / "consumer"
        launcher = [f"-DCMAKE_CXX_COMPILER_LAUNCHER={shutil.which('ccache')}"] if shutil.which("ccache") else []
        run(CMAKE, "-S", SOURCE_ROOT / "tests" / "package" / "consumer", "-B", build, "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}", *launcher)
        run(CMAKE, "--build", build)
        broker = Broker(self.folder, self.folder / "data", f"unix:{self.folder}/batond.sock")
        self.addCleanup(broker.kill)
        worker = Process(self.folder, "worker", [build / "worker"], {"BATON_BROKER": broker.address})
        self.addCleanup(worker.kill)
        answer = run_program([build / "submitter"], {"BATON_BROKER": broker.address})
        self.assertEqual((answer.out, answer.err, answer.code), ("hello!\n", "", 0), worker.log())
        self.assertEqual(worker.terminate(), 0)
        self.assertEqual(broker.terminate(), 0)
        tested = run_program([build / "shout_check"])
        self.assertEqual((tested.out, tested.err, tested.code),
                         ("hello!, and nothing to shout after 3 attempts in 2h\n", "", 0))
        # What tests need is no store on disk.
        self.assertNotIn("rocksdb", run("ldd", build / "shout_check"))

    def test_the_whole_contract_comes_along(self):
        contract = Path("proto") / "baton" / "v1"
        self.assertEqual(files_below(self.prefix / "share" / "baton" / contract), files_below(SOURCE_ROOT / contract))

    def test_another_version_is_not_found(self):
        project = self.folder / "other-version"
        project.mkdir()
        (project / "CMakeLists.txt").write_text("""
            cmake_minimum_required(VERSION 3.25)
            project(other LANGUAGES NONE)
            find_package(baton 0.99)
            message(STATUS "found: ${baton_FOUND}, ${baton_CONSIDERED_VERSIONS}")
        """)
        out = run(CMAKE, "-S", project, "-B", project / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.assertIn(f"found: 0, {VERSION}", out)

    def test_the_settings_file_has_every_setting_at_its_default(self):
        path = self.prefix / "etc" / "baton" / "batond.conf"
        defaults = run(self.batond, "--data-dir", "/var/lib/baton", "--print-config")
        self.assertEqual(run(self.batond, "--config", path, "--print-config"), defaults)
        # With every line in force it says the same: no default is told that is not one, and none is missing.
        everything = self.folder / "everything.conf"
        everything.write_text(re.sub(r"(?m)^#(?! )", "", path.read_text()))
        self.assertEqual(run(self.batond, "--config", everything, "--print-config"), defaults)
        settings = re.compile(r"(?m)^([a-z_]+) = ")
        self.assertEqual(settings.findall(everything.read_text()), settings.findall(defaults))

    def commands(self, *above):
        lines = run(self.baton, "complete", "--", *above, "").splitlines()
        return [line.split("\t")[0] for line in lines]

    def test_every_command_has_a_manual_page(self):
        pages = {path.name for path in (self.prefix / "share" / "man" / "man1").iterdir()}
        names = ["batond", "batond-create-token", "batond-verify", "baton"]
        for command in self.commands():
            names += [f"baton-{command}"] + [f"baton-{command}-{below}" for below in self.commands(command)]
        self.assertGreater(len(names), 40)
        self.assertEqual(pages, {f"{name}.1.gz" for name in names})
        for name in names:
            with gzip.open(self.prefix / "share" / "man" / "man1" / f"{name}.1.gz", "rt") as file:
                page = file.read()
            self.assertRegex(page, rf'(?m)^\.TH {name.upper()} "?1"?')
            self.assertRegex(page, rf"(?m)^{name} \\- \S")
            self.assertIn(".SH SYNOPSIS", page)
            self.assertIn(f"Baton {VERSION}", page)

    def shell(self, *command):
        variables = {**os.environ, "PATH": f"{self.prefix}/bin:{os.environ['PATH']}", "HOME": str(self.folder)}
        done = subprocess.run([str(word) for word in command], env=variables, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout.splitlines()

    def test_bash_completes_commands_options_and_their_values(self):
        script = self.prefix / "share" / "bash-completion" / "completions" / "baton"
        program = (f'source {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _baton; '
                   "printf '%s\\n' \"${COMPREPLY[@]}\"")
        for words, expected in [(["sub"], ["submit"]), (["schedule", "pre"], ["preview"]),
                                (["submit", "x", "--prio"], ["--priority"]), (["list", "-o", "js"], ["json", "jsonl"]),
                                (["list", "--format", "=", "t"], ["table"]), (["get", "1"], [""])]:
            self.assertEqual(self.shell("bash", "-c", program, "bash", "baton", *words), expected, words)

    def test_fish_completes_with_descriptions(self):
        script = self.prefix / "share" / "fish" / "vendor_completions.d" / "baton.fish"
        found = self.shell("fish", "--no-config", "-c", f"source {script}; complete -C 'baton sub'")
        self.assertEqual(found, ["submit\tSubmits one task or many"])

    def test_zsh_reads_its_completion(self):
        script = self.prefix / "share" / "zsh" / "vendor-completions" / "_baton"
        self.assertEqual(self.shell("zsh", "-f", "-n", script), [])
        self.assertEqual(script.read_text().splitlines()[0], "#compdef baton")


if __name__ == "__main__":
    unittest.main()
