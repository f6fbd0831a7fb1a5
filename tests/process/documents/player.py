"""Tests that do what a document says: its commands run in a shell, with a real broker, and must print what it shows."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from types import SimpleNamespace

from documents import difference, sections
from harness import NO_COLOR, PATIENCE, Process, ProcessTest, program, run_program, wait_until

ROOT = Path(program("SOURCE_ROOT"))
HERE = Path(__file__).parent


def plays(*titles):
    """Says which sections a test method plays, or checks in another way."""

    def mark(method):
        method.titles = titles
        return method

    return mark


class DocumentTest(ProcessTest):
    """Subclasses name the `document`, and have a method with @plays for each section that shows a command."""

    document = None

    def setUp(self):
        super().setUp()
        self.sections = sections((ROOT / self.document).read_text())
        self.address = f"unix:{self.folder}/batond.sock"
        # Whoever starts it.
        self.broker = SimpleNamespace(address=self.address)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.configuration = self.folder / "batond.conf"
        self.configuration.write_text("")
        # What the document writes -> what it is here, in commands and in what they print.
        self.words = {}
        self.environment = {
            "PATH": f"{self.bin}:{program('BIN')}:{os.environ['PATH']}", "BATON_BROKER": self.address,
            "PYTHONDONTWRITEBYTECODE": "1"}  # yapf: disable
        self.write_script("batond", f"""[[ $1 == verify || $1 == create-token ]] && exec {program("BATOND")} "$@"
[[ "$* " == *"--listen "* ]] && exec {program("BATOND")} "$@"
exec {program("BATOND")} "$@" --listen {self.address}""")
        self.write_script("grpcurl", f'exec {program("DEBIAN_PYTHON")} {HERE}/grpcurl.py "$@"')

    def write_script(self, name, body):
        """A program that the commands of the document find before any other of this name."""
        path = self.bin / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(0o755)

    def workers(self):
        return self.baton("workers", "-o", "json").json()

    def here(self, text):
        """The text with what the document writes replaced by what it is here."""
        for shown, actual in self.words.items():
            text = re.sub(rf"(?<![\w-]){re.escape(shown)}(?![\w-])", lambda _, actual=actual: str(actual), text)
        return text

    def play(self, title, before=None, codes=None):
        """Does what a section shows. `before`: command -> what to do first; `codes`: command -> its exit code, if not
        0. Both are found by how the command begins. Returns what each command printed."""
        outputs = {}
        for command, shown in self.sections[title].steps():
            first = self._of(before, command)
            if first:
                first()
            outputs[command] = self.run_step(command, shown, self._of(codes, command) or 0)
        self.assertTrue(outputs, f"'{title}' shows no command")
        for table in (before, codes):
            for begin in table or {}:
                self.assertTrue(any(command.startswith(begin) for command in outputs), f"no command '{begin}'")
        return outputs

    def play_in_one_shell(self, *titles):
        """Does what the sections show in one shell, in the folder of this test. What that printed."""
        script = "\n".join(self.here(command) for title in titles for command, _ in self.sections[title].steps())
        done = run_program(["bash", "-euo", "pipefail", "-c", f"cd {self.folder}\n{script}"], self.environment)
        self.assertEqual(done.code, 0, f"{script}\n{done.out}\n{done.err}")
        return done.out

    @staticmethod
    def _of(table, command):
        return next((value for begin, value in (table or {}).items() if command.startswith(begin)), None)

    def run_step(self, command, shown, code):
        command = self.here(command)
        if command.endswith("&"):
            return self.start_in_background(command.removesuffix("&"))
        done = subprocess.run(["bash", "-o", "pipefail", "-c", f"cd {ROOT}\n{command}"], stdin=subprocess.DEVNULL,
                              env={**os.environ, **NO_COLOR, **self.environment}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False)
        printed = done.stdout
        self.assertEqual(done.returncode, code, f"{command}\n{printed}")
        if shown is not None:
            differs = difference([self.here(line) for line in shown], printed)
            self.assertIsNone(differs, f"\n$ {command}\n{differs}")
        return printed

    def start_in_background(self, command):
        """A broker or a worker is ready when this returns. What the document calls ada-183be12f and 4711 is the name of
        the latest worker and its process."""
        # Not the variables that it is given.
        name = next(Path(word).name for word in shlex.split(command) if "=" not in word)
        before = set() if name == "batond" else self.worker_ids()
        process = Process(self.folder, f"{name}-{len(self.processes)}",
                          ["bash", "-c", f"cd {ROOT} && exec env {command}"], self.environment)  # yapf: disable
        self.processes.append(process)
        if name == "batond":
            wait_until(lambda: run_program([program("BATON"), "info"], self.environment).code == 0, process.log)
        elif name.endswith("worker") or name == "scheduled_report":
            wait_until(lambda: self.worker_ids() > before, lambda: f"{name} connects:\n{process.log()}")
            (self.words["ada-183be12f"],) = self.worker_ids() - before
            self.words["4711"] = process.popen.pid
        return process

    def worker_ids(self):
        shown = run_program([program("BATON"), "workers", "-o", "json"], self.environment)
        return {worker["worker_id"] for worker in json.loads(shown.out)}

    def check_every_section_is_played(self):
        """Each section that shows commands is the matter of some test method of this class."""
        titles = {title for name in dir(self) for title in getattr(getattr(self, name), "titles", ())}
        for section in self.sections.values():
            if any(section.steps()):
                self.assertIn(section.title, titles, "no test does what this section shows")
        self.assertLessEqual(titles, set(self.sections))


def documents():
    """Every document of the repository: path from the root -> its text."""
    found = {}
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in (".git", "build", "node_modules")]
        for name in names:
            if name.endswith(".md"):
                path = Path(folder) / name
                found[str(path.relative_to(ROOT))] = path.read_text()
    return found


def all_commands(text):
    """Every command that a document shows, whatever the section."""
    return [command for section in sections(text).values() for command, _ in section.steps()]
