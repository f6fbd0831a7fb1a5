#!/usr/bin/env python3
"""What others wrote - payloads, errors, reasons, progress - cannot steer a terminal, or forge a line of the log."""

import json
import os
import pty
import re
import subprocess
import unittest

from harness import PATIENCE, ProcessTest, program, run_program, wait_until
from top_test import Top

# Sets the title, clears the screen, begins a line, colours by a C1 control, and turns the direction of what follows.
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nFAKE\x7f\u009b31m\u202eevil"
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
ESCAPED = r"\x1b]0;owned\x07"
# What JSON may have as it is.
IN_JSON = "\x7f\u009b31m\u202eevil"


def on_terminal(*arguments, broker):
    """What `baton` prints on a terminal, on both outputs together, and its exit code."""
    master, slave = pty.openpty()
    variables = {**os.environ, "BATON_BROKER": broker, "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen([program("BATON"), *arguments], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                               env=variables)
    os.close(slave)
    printed = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # The other end is closed.
            part = b""
        if not part:
            break
        printed += part
    os.close(master)
    return printed.decode(), process.wait(PATIENCE)


class EscapesTest(ProcessTest):
    settings = {"server.log_level": "debug"}

    def assert_harmless(self, text, words):
        found = CONTROL.search(text)
        self.assertIsNone(found, f"{words}: {text!r}")
        self.assertNotRegex(text, "(?m)^FAKE", words)

    def fill(self):
        """Hostile text wherever a caller may put one."""
        self.start_worker("worker-1", concurrency=8)
        self.failed = self.submit("fail", {"times": 9, "why": HOSTILE}, "--max-retries", "1")
        self.wait_for_end(self.failed, "PERMANENTLY_FAILED")
        self.approve = self.submit("approve", {"what": HOSTILE}, "--unique-key", HOSTILE)
        self.wait_for_state(self.approve, "SUSPENDED")
        self.report = self.submit("report", {"until": str(self.gate()), "says": HOSTILE})
        wait_until(lambda: self.get(self.report).get("progress"), "progress")
        self.cancelled = self.submit("nobody", HOSTILE)
        self.baton("cancel", str(self.cancelled), "--reason", HOSTILE)
        self.paused = self.submit("mail", HOSTILE)
        self.baton("pause", str(self.paused), "--reason", HOSTILE)
        self.baton("types", "pause", "mail", "--reason", HOSTILE)
        self.baton("types", "limit", "mail", "1", "--reason", HOSTILE)
        self.raw = int(self.baton("submit", "mail", "--data", HOSTILE, "--content-type", HOSTILE[:40], "--quiet").out)
        self.parent = self.submit("spawn", {"children": [{"type": "fail", "payload": {"times": 9, "why": HOSTILE}}]})
        self.wait_for_end(self.parent)
        self.baton("schedule", "create", "nightly", "0 3 * * *", "mail", "--data", HOSTILE)
        self.baton("schedule", "pause", "nightly", "--reason", HOSTILE)
        self.baton("bulk", "cancel", "--type", "none", "--reason", HOSTILE, "--wait")
        self.baton("workers", "drain", "worker-1", "--reason", HOSTILE)

    def looks(self):
        tasks = [self.failed, self.approve, self.report, self.cancelled, self.paused, self.raw, self.parent]
        for task in map(str, tasks):
            for command in ("get", "events", "attempts", "explain", "tree", "summary"):
                yield command, task
        yield from [("audit", str(self.parent)), ("events", str(self.parent), "--workflow"), ("list",), ("approvals",),
                    ("types",), ("workers",), ("stats",), ("stats", "--by-tag"), ("schedule", "list"),
                    ("schedule", "show", "nightly"), ("bulk", "list"), ("info",), ("doctor",)]

    def test_no_command_prints_control_characters(self):
        self.start_broker()
        self.fill()
        seen = ""
        for words in self.looks():
            for form in ("table", "json", "jsonl"):
                answer = run_program([program("BATON"), *words, "-o", form], {"BATON_BROKER": self.broker.address})
                self.assertIn(answer.code, (0, 1, 4), f"{words}\n{answer.out}\n{answer.err}")
                self.assert_harmless(answer.out + answer.err, words)
                seen += answer.out
        # It was there to be printed, in each of the ways.
        self.assertGreater(seen.count(ESCAPED), 10)
        self.assertGreater(seen.count(json.dumps(HOSTILE[:10])[1:-1]), 10)

    def test_errors_repeat_no_control_characters(self):
        self.start_broker()
        for words in (["submit", HOSTILE], ["submit", "echo", "--tag", HOSTILE], ["get", HOSTILE], ["list", "--state",
                      HOSTILE], [HOSTILE], ["submit", "echo", "--json", HOSTILE], ["--broker", HOSTILE, "stats"],
                      ["--profile", HOSTILE, "stats"], ["schedule", "show", HOSTILE]):
            answer = run_program([program("BATON"), *words], {"BATON_BROKER": self.broker.address})
            self.assertNotEqual(answer.code, 0, words)
            self.assert_harmless(answer.out + answer.err, words)

    def test_a_result_is_harmless_on_a_terminal_and_whole_elsewhere(self):
        self.start_broker()
        self.start_worker("worker-1")
        note = json.dumps({"note": IN_JSON}, ensure_ascii=False)
        task = int(self.baton("submit", "echo", "--json", note, "--quiet").out)
        data = int(self.baton("submit", "mail", "--data", HOSTILE, "--quiet").out)
        self.wait_for_end(task)
        self.assertEqual(json.loads(self.baton("result", str(task)).out), {"note": IN_JSON})
        printed, code = on_terminal("get", str(data), broker=self.broker.address)
        self.assertEqual(code, 0, printed)
        self.assert_harmless(printed.replace("\r\n", "\n"), "get")
        for command in ("result", "wait"):
            printed, code = on_terminal(command, str(task), broker=self.broker.address)
            self.assertEqual(code, 0, printed)
            self.assertIn(r"\x7f\xc2\x9b31m\xe2\x80\xaeevil", printed)
            self.assertIsNone(re.search("[\x7f\u009b\u202e]", printed))
        raw, _ = on_terminal("--raw", "result", str(task), broker=self.broker.address)
        self.assertIn(IN_JSON, raw, "asked for")

    def test_live_views_show_it_escaped(self):
        self.start_broker()
        self.fill()
        bar, code = on_terminal("--timeout", "500ms", "wait", str(self.report), broker=self.broker.address)
        self.assertEqual(code, 6, bar)
        watched, _ = on_terminal("--timeout", "500ms", "watch", "--type", "report", "--initial",
                                 broker=self.broker.address)
        top = Top(self.broker.address)
        self.addCleanup(top.close)
        top.press("f")
        top.wait_for(r"owned\\x07")
        for text in (bar, watched, top.output):
            self.assertNotIn("\x1b]0;owned", text)
            self.assertNotIn("\u009b", text)
            self.assertNotIn("\u202e", text)
        self.assertIn(ESCAPED, bar)

    def test_the_log_has_lines_of_its_own_only(self):
        self.start_broker()
        self.fill()
        log = self.broker.log()
        self.assertIn(ESCAPED, log)
        self.assert_harmless(log, "log")
        for line in log.splitlines():
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\S+ (debug|info|warning) ")
        # And so it is with a worker, which tells why it is to leave.
        wait_until(lambda: "draining: ordered by the broker" in self.processes[-1].log(), self.processes[-1].log)
        self.assert_harmless(self.processes[-1].log(), "log of a worker")

    def test_the_log_as_json_is_ascii(self):
        self.settings = {**self.settings, "log.format": "json"}
        self.start_broker()
        self.fill()
        lines = self.broker.log().splitlines()
        self.assertTrue(all(line.isascii() and line.isprintable() for line in lines))
        self.assertTrue(any(HOSTILE in json.loads(line)["message"] for line in lines))


if __name__ == "__main__":
    unittest.main()
