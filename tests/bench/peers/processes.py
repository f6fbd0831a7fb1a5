"""Child processes of the measurement: started in a session of their own, watched, and ended with all they started."""

import ctypes
import os
import select
import signal
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
# Between two looks at the processes that nobody waits for.
WATCH_SECONDS = 2
# For one part of a measurement.
PATIENCE_SECONDS = 900
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Trouble(Exception):
    """Why the measurement cannot go on, in words for the person who started it."""


def _end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """A server in the foreground; its output goes to a file. Those that were started run until kill_all()."""

    running = []

    def __init__(self, arguments, log, user=None, environment=None, directory=None):
        self.name = os.path.basename(arguments[0])
        self.log = Path(log)
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, user=user, group=user,
                extra_groups=[] if user else None, start_new_session=True, preexec_fn=_end_with_parent,
                env={**os.environ, **(environment or {})}, cwd=directory)  # yapf: disable
        self.running.append(self)

    def check(self):
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace").splitlines()[-15:]
            raise Trouble(f"{self.name} ended with code {self.process.returncode}:\n" + "\n".join(tail))

    def cpu_seconds(self):
        """Of the server and of everything it started, what has ended included."""
        return sum(_cpu_seconds(pid) for pid in _tree(self.process.pid))

    @classmethod
    def kill_all(cls):
        while cls.running:
            cls.running[-1]._kill()
            cls.running.pop()

    def _kill(self):
        # Some servers move what they start into other sessions.
        for pid in _tree(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


def _stat_fields(pid):
    """Fields of /proc/PID/stat behind the name, which may contain anything; the first is the state."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _cpu_seconds(pid):
    fields = _stat_fields(pid)
    # utime, stime, and both of the children that were waited for.
    return sum(int(field) for field in fields[11:15]) / TICKS_PER_SECOND if fields else 0


def _tree(root):
    """The process and all its descendants."""
    children = {}
    for name in os.listdir("/proc"):
        fields = _stat_fields(name) if name.isdigit() else None
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


class Role:
    """A producer or worker process: see main.cc. Those that were started run until kill_all()."""

    running = []

    def __init__(self, arguments, environment=None, descriptors=()):
        self.arguments = arguments
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            pass_fds=descriptors, preexec_fn=_end_with_parent,
            env={**os.environ, **(environment or {})})  # yapf: disable
        self.running.append(self)

    def await_ready(self):
        self._read("ready")

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def await_done(self):
        """When its part began and ended, nanoseconds."""
        _, begin, end = self._read("done").split()
        return int(begin), int(end)

    def _read(self, word):
        """The next line, which must begin with the word. While waiting, the other processes are watched too."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not select.select([self.process.stdout], [], [], WATCH_SECONDS)[0]:
            if time.monotonic() > deadline:
                raise Trouble(f"{' '.join(self.arguments)}\nis not '{word}' after {PATIENCE_SECONDS} s")
            for role in self.running:
                role.check()
            for server in Server.running:
                server.check()
        line = self.process.stdout.readline().strip()
        if not line.startswith(word):
            self.process.wait(timeout=WATCH_SECONDS)
            said = self.process.stderr.read().strip() or line or "nothing"
            raise Trouble(f"{' '.join(self.arguments)}\nsays: {said}")
        return line

    def check(self):
        if self.process.poll() not in (None, 0):
            raise Trouble(f"{' '.join(self.arguments)}\nsays: {self.process.stderr.read().strip()}")

    @classmethod
    def kill_all(cls):
        for role in cls.running:
            role.process.kill()
            role.process.communicate()
        cls.running.clear()


def run(arguments, user=None, environment=None, directory=None):
    """Runs a program to its end; its standard output."""
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, user=user, group=user,
                              extra_groups=[] if user else None, cwd=directory,
                              env={**os.environ, **(environment or {})})  # yapf: disable
    except FileNotFoundError as error:
        raise Trouble(f"{error.filename} is not there") from error
    if done.returncode != 0:
        raise Trouble(f"{' '.join(map(str, arguments))}\nended with code {done.returncode}: "
                      f"{(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout
