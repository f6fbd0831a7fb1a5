#!/usr/bin/env python3
"""`baton top` on a terminal: what it shows, its keys, and how it leaves the terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from harness import PATIENCE, ProcessTest, program, run_program, wait_until

ENTERED = "\x1b[?1049h"
LEFT = "\x1b[?1049l"
HOME = "\x1b[H"
DOWN, ENTER, ESCAPE = "\x1b[B", "\r", "\x1b"


# Owns the terminal in the place of a shell: when the owner ends, what was written last may be lost. Says the process
# number and the exit code of the program, and lives until its input is closed.
OWNER = """
import fcntl, os, signal, subprocess, sys, termios
terminal = int(sys.argv[1])
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
for number in (signal.SIGINT, signal.SIGTSTP):
    signal.signal(number, lambda *_: None)
program = subprocess.Popen(sys.argv[2:], stdin=terminal, stdout=terminal)
print(program.pid, flush=True)
print(program.wait(), flush=True)
sys.stdin.read()
"""


class Top:
    """`baton top` with a pseudo terminal, whose other end is here."""

    def __init__(self, broker_address, *options, interval="200ms", columns=120, rows=20):
        self.master, slave = pty.openpty()
        self.resize(columns, rows)
        self.mode = termios.tcgetattr(self.master)
        variables = {**os.environ, "BATON_BROKER": broker_address, "TERM": "xterm", "NO_COLOR": "1"}
        command = [program("BATON"), "top", "--interval", interval, *options]
        self.owner = subprocess.Popen([sys.executable, "-c", OWNER, str(slave), *command], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=variables,
                                      pass_fds=[slave], start_new_session=True)
        os.close(slave)
        self.pid = int(self.owner.stdout.readline())
        self.code = None
        self.output = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number):
        os.kill(self.pid, number)

    def has_ended(self):
        return bool(select.select([self.owner.stdout], [], [], 0)[0])

    def press(self, keys):
        os.write(self.master, keys.encode())

    def read(self, seconds):
        """Takes in what was written until now, waiting for the first of it."""
        while select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 65536).decode(errors="replace")
            seconds = 0

    def screen(self):
        """The lines of the last screen that was drawn whole."""
        screens = self.output.split(HOME)[1:]
        if not screens:
            return []
        whole = screens[-1] if LEFT in screens[-1] or len(screens) == 1 else screens[-2]
        lines = whole.split(LEFT)[0].split("\r\n")
        return [re.sub(r"\x1b\[[0-9?;]*[A-Za-z]", "", line) for line in lines]

    def wait_for(self, *patterns, absent=None):
        """The first screen that has all of these and not `absent`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            self.read(0.1)
            text = "\n".join(self.screen())
            if all(re.search(pattern, text) for pattern in patterns) and not (absent and re.search(absent, text)):
                return text
            if self.has_ended():
                raise AssertionError(f"it ended: {self.owner.stdout.readline()}\n{self.output[-2000:]!r}")
        raise AssertionError(f"not shown: {patterns}\n" + "\n".join(self.screen()))

    def wait_for_end(self):
        """The exit code, after the terminal was given back as it was."""
        wait_until(lambda: (self.read(0.01), self.has_ended())[1], lambda: f"it ends: {self.output[-2000:]!r}")
        self.read(0.1)
        last = self.output[self.output.rindex(HOME):]
        for undone in (LEFT, "\x1b[?25h", "\x1b[?7h"):
            assert undone in last, repr(last)
        assert self.output.count(ENTERED) == self.output.count(LEFT), repr(last)
        assert termios.tcgetattr(self.master) == self.mode, "the mode of the terminal is what it was"
        self.code = int(self.owner.stdout.readline())
        return self.code

    def close(self):
        if self.code is None and not self.has_ended():
            self.signal(signal.SIGKILL)
        self.owner.stdin.close()
        self.owner.wait()
        self.owner.stdout.close()
        os.close(self.master)


class TopTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def top(self, *options, **settings):
        top = Top(self.broker.address, *options, **settings)
        self.addCleanup(top.close)
        return top

    def type_info(self, name):
        return next(info for info in self.baton("types", "-o", "json").json() if info["type"] == name)

    def test_an_operator_finds_out_what_is_wrong_and_pauses_a_type(self):
        gate = self.gate()
        self.start_worker("worker-7")
        held = self.submit("hold", {"until": str(gate)})
        self.wait_for_state(held, "RUNNING")
        failed = self.submit("fail", {"times": 9, "final": True})
        self.wait_for_end(failed, "PERMANENTLY_FAILED")
        waits = self.submit("nobody-knows", 1)
        top = self.top()
        screen = top.wait_for(r"(?m)^> nobody-knows +1 unservable", r"workers 1 +slots 1 of 4", r"batond \d")
        self.assertIn(self.broker.address, screen)
        self.assertRegex(screen, r"(?m)^  hold +- +- +- +- +1 ")

        top.press(ENTER)
        top.wait_for("tasks of nobody-knows", rf"> {waits} +PENDING +0 +- +no live worker")
        top.press(ESCAPE)
        top.wait_for("Types by attention")
        top.press("w")
        top.wait_for(r"Workers \(1\)", rf"> worker-7 +CONNECTED +1/4 .* {held}\b")
        top.press("f")
        top.wait_for("Newest failures", rf"> {failed} +fail .*told to fail in attempt 1")

        top.press("ts")
        top.wait_for("Types by name", "(?m)^> approve ")
        for name in ("echo", "fail", "hold"):
            top.press(DOWN)
            top.wait_for(f"(?m)^> {name} ")
        top.press("p")
        top.wait_for("press p again to pause hold")
        self.assertNotIn("pause", self.type_info("hold"))
        top.press("p")
        top.wait_for(r"(?m)^> hold +paused", "paused hold")
        self.assertEqual(self.type_info("hold")["pause"]["reason"], "baton top")
        top.press("p")
        top.wait_for("press p again to unpause hold")
        top.press("p")
        top.wait_for("unpaused hold", absent=r"(?m)^> hold +paused")
        self.assertNotIn("pause", self.type_info("hold"))

        top.press("?")
        top.wait_for("Any key closes this")
        top.press("q")
        self.assertEqual(top.wait_for_end(), 0)
        gate.touch()
        self.wait_for_end(held)

    def test_enter_leads_to_what_is_behind_a_row_and_escape_back(self):
        gate = self.gate()
        self.start_worker("worker-7")
        held = self.submit("hold", {"until": str(gate)})
        self.wait_for_state(held, "RUNNING")
        self.baton("types", "limit", "hold", "1")
        behind = self.submit("hold", {"until": str(gate)})
        failed = self.submit("fail", {"times": 9, "final": True})
        self.wait_for_end(failed, "PERMANENTLY_FAILED")
        top = self.top(columns=140)
        top.wait_for(r"(?m)^> hold +limit reached +1 +1 +\S+ +1/1 ")

        top.press(ENTER)
        top.wait_for(r"Live tasks of hold \(2\)", rf"(?m)^> {behind} +PENDING ", rf"(?m)^  {held} +RUNNING ")
        top.press(ENTER)
        top.wait_for(rf"(?m)^Task {behind}\b", "obstacle +waits for the limit of type 'hold'", "types limit hold N")
        top.press(ESCAPE)
        top.wait_for("Live tasks of hold")
        top.press(DOWN)
        top.press(ENTER)
        top.wait_for(rf"(?m)^Task {held}\b", "worker +worker-7, CONNECTED")
        top.press(ESCAPE)
        top.wait_for(rf"(?m)^> {held} +RUNNING ")
        top.press(ESCAPE)
        top.wait_for("(?m)^> hold ")

        top.press("w")
        top.wait_for(r"Workers \(1\)")
        top.press(ENTER)
        top.wait_for(r"Tasks on worker worker-7 \(1\)", rf"(?m)^> {held} +hold +RUNNING +1 ")
        top.press("f")
        top.wait_for("Newest failures", f"> {failed} ")
        top.press(ENTER)
        top.wait_for(rf"(?m)^Task {failed}\b", "last error +.*told to fail in attempt 1",
                     r"(?m)^> .* CREATED +- +local ", r"CLAIMED +1 +broker +now RUNNING; worker worker-7",
                     r"PERMANENTLY_FAILED +1 +broker ")
        top.press(ESCAPE)
        top.wait_for("Newest failures")
        top.press("q")
        self.assertEqual(top.wait_for_end(), 0)
        gate.touch()
        self.wait_for_end(behind)

    def test_it_follows_the_size_of_the_terminal(self):
        self.submit("some-type-with-a-long-name", 1)
        # Between the rounds, so that only the signal can be the reason to draw again.
        top = self.top(interval="1m")
        self.assertEqual(len(top.wait_for("some-type-with-a-long-name", "q quit").splitlines()), 20)
        top.resize(20, 9)
        screen = top.wait_for("t types  w workers …")
        self.assertEqual(len(screen.splitlines()), 9)
        self.assertLessEqual(max(len(line) for line in screen.splitlines()), 20)
        top.resize(120, 30)
        self.assertEqual(len(top.wait_for("some-type-with-a-long-name", "q quit").splitlines()), 30)
        top.press("q")
        self.assertEqual(top.wait_for_end(), 0)

    def test_the_terminal_is_given_back_however_it_ends(self):
        top = self.top()
        top.wait_for("Types by attention")
        top.press("\x03")
        self.assertEqual(top.wait_for_end(), 0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            top = self.top()
            top.wait_for("Types by attention")
            top.signal(number)
            self.assertEqual(top.wait_for_end(), 0)
        top = self.top("--count", "2")
        self.assertEqual(top.wait_for_end(), 0)

    def test_it_stops_and_goes_on_like_every_program(self):
        top = self.top()
        top.wait_for("Types by attention")
        top.press("\x1a")
        stat = f"/proc/{top.pid}/stat"

        def is_stopped():
            top.read(0.01)
            with open(stat) as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "T"

        wait_until(is_stopped, "it is stopped")
        self.assertEqual(termios.tcgetattr(top.master), top.mode)
        self.assertIn(LEFT, top.output)
        top.signal(signal.SIGCONT)
        wait_until(lambda: (top.read(0.01), top.output.count(ENTERED) == 2)[1], "it is back")
        top.press("w")
        top.wait_for("Workers")
        top.press("q")
        self.assertEqual(top.wait_for_end(), 0)

    def test_it_outlives_the_broker(self):
        self.submit("echo", 1)
        top = self.top()
        top.wait_for("> echo", absent="trying again")
        self.broker.kill()
        top.wait_for("> echo", r"cannot reach a broker at .*trying again")
        self.start_broker()
        top.wait_for("> echo", absent="trying again")
        top.press("q")
        self.assertEqual(top.wait_for_end(), 0)

    def test_without_a_terminal_it_prints_json_or_says_what_to_use(self):
        self.submit("echo", 1)
        self.assertIn("use `baton stats` to look once, or `baton top -o jsonl`", self.baton("top", code=2).err)
        rounds = self.baton("top", "-o", "jsonl", "--count", "2", "--interval", "200ms").json_lines()
        self.assertEqual([one["counts"]["pending"] for one in rounds], [1, 1])
        # A reader that has seen enough ends it.
        command = f"'{program('BATON')}' top -o jsonl --interval 200ms | head -n 1"
        self.assertIn('"pending":1', run_program(["sh", "-c", command], {"BATON_BROKER": self.broker.address}).out)


if __name__ == "__main__":
    unittest.main()
