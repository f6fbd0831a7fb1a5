#!/usr/bin/env python3
"""What worker_sdk/README.md shows: its programs are those of the examples, its commands print what it says."""

import unittest

from documents import sections
from harness import wait_until
from player import ROOT, DocumentTest, documents, plays

# Whatever is built, and by that compiled.
SOURCES = [path for folder in ("worker_sdk", "tests") for kind in ("*.cc", "*.h")
           for path in sorted((ROOT / folder).rglob(kind))]


class SdkReadmeTest(DocumentTest):

    document = "worker_sdk/README.md"

    def test_every_section_is_played(self):
        self.check_every_section_is_played()

    def test_every_program_shown_is_cut_out_of_one_that_is_built(self):
        sources = [source.read_text() for source in SOURCES]
        count = 0
        for path, text in documents().items():
            # Those of README.md are whole programs, and are built as they stand there.
            blocks = [] if path == "README.md" else [
                block for section in sections(text).values() for block in section.blocks if block.kind == "cpp"]
            for block in blocks:
                self.assertTrue(any(block.text in source for source in sources), f"{path}:{block.line}")
                count += 1
        self.assertGreater(count, 9)

    def test_the_project_is_that_of_the_test_of_the_package(self):
        block = next(block for block in self.sections["A project"].blocks if block.kind == "cmake")
        consumer = (ROOT / "tests/package/consumer/CMakeLists.txt").read_text()
        self.assertIn(block.text.splitlines()[0], consumer)
        self.assertIn("PRIVATE baton::worker)", consumer)
        self.assertIn(block.text, (ROOT / "deploy/README.md").read_text())

    @plays("Hello")
    def test_hello(self):
        self.words["/tmp/baton-data"] = self.data
        self.play("Hello")

    @plays("Errors and retries")
    def test_errors_and_retries(self):
        self.start_broker()
        self.play("Errors and retries", codes={"baton submit send_mail --json '{\"to\": \"nobody\"}'": 1})

    @plays("Options")
    def test_options(self):
        self.start_broker()
        self.play("Options")

    @plays("Progress, history, cancellation")
    def test_progress(self):
        self.start_broker()
        self.play("Progress, history, cancellation")

    @plays("Approval")
    def test_approval(self):
        self.start_broker()
        self.play("Approval", before={"baton approvals": self.wait_for_approval})
        submitter = self.processes[-1]
        self.assertEqual(submitter.wait(), 0)
        self.assertIn("newsletter 1 was submitted", submitter.out())

    def wait_for_approval(self):
        wait_until(lambda: self.baton("approvals", "-o", "json").json(), "it waits for approval")

    @plays("Schedules")
    def test_schedules(self):
        self.start_broker()
        self.play("Schedules")

    @plays("Replace a handler while it works")
    def test_replace_a_handler(self):
        self.start_broker()
        self.words["/tmp/greeting"] = self.folder / "greeting"
        seen = []

        def reloaded():
            """Before the second of two commands that are the same."""
            if seen:
                wait_until(lambda: "now greeting with Good evening" in self.processes[-1].out(), "it is replaced")
            seen.append(1)

        self.play("Replace a handler while it works", before={"baton submit greet": reloaded})
        self.assertEqual(len(seen), 2)

    @plays("Capabilities")
    def test_capabilities(self):
        self.start_broker()
        self.play("Capabilities")

    @plays("Stop")
    def test_stop(self):
        self.start_broker()
        self.play("Stop", before={"baton workers": lambda: self.assertEqual(self.processes[-1].wait(), 0)})

    @plays("Test")
    def test_test(self):
        self.play("Test")


if __name__ == "__main__":
    unittest.main()
