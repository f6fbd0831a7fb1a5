"""What tests of bad disks share: small disks to mount, and brokers that cannot start or go on.

Disks are mounted in a mount namespace of the test's process, so nothing stays mounted whatever becomes of it.
"""

import os
import shutil
import subprocess
import sys

from harness import Broker, ProcessTest, program, run_program, write_settings

MIB = 1 << 20
NAMESPACE = "BAD_DISK_NAMESPACE"


def succeeds(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def enter_namespace():
    """Starts this program again where it may mount; without that right it goes on, and tests that mount are skipped."""
    if NAMESPACE in os.environ:
        return
    os.environ[NAMESPACE] = "none"
    unshare = ["unshare", "--mount", "--propagation", "private"]
    if shutil.which("unshare") and succeeds(*unshare, "true"):
        os.environ[NAMESPACE] = "own"
        os.execvp("unshare", [*unshare, sys.executable, "-B", *sys.argv])


class BadDiskTest(ProcessTest):

    def mount(self, mebibytes=64):
        """A new file system of that size, with the data directory in it."""
        image, path = self.folder / "disk.img", self.folder / "disk"
        with image.open("wb") as file:
            file.truncate(mebibytes * MIB)
        path.mkdir()
        self.mounting = ["mount", "-o", "loop", str(image), str(path)]
        if os.environ.get(NAMESPACE) != "own" or not succeeds("mkfs.ext4", "-q", "-m", "0", str(image)) or \
                not succeeds(*self.mounting):
            self.skipTest("no file system can be mounted here: run it as root, with mkfs.ext4 and loop devices")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(path)], check=False)
        self.data = path / "data"

    def remount(self, how):
        return succeeds("mount", "-o", f"remount,{how}", str(self.data.parent))

    def mount_again(self):
        subprocess.run(["umount", str(self.data.parent)], check=True)
        subprocess.run(self.mounting, check=True)

    def free(self):
        return shutil.disk_usage(self.data).free

    def fill(self, leave):
        """Somebody else takes all of the disk but so many bytes."""
        with (self.data.parent / "filler").open("ab", buffering=0) as file:
            try:
                os.posix_fallocate(file.fileno(), file.tell(), max(self.free() - leave, 1))
                while leave == 0:
                    file.write(bytes(1024))
            except OSError:
                pass  # Nothing is left.

    def empty(self):
        (self.data.parent / "filler").unlink()

    def start(self, name="batond", listen="127.0.0.1:0"):
        self.broker = Broker(self.folder, self.data, listen=listen, settings=self.settings, name=name)
        self.processes.append(self.broker)

    def refused_start(self):
        """What a broker says that cannot start."""
        command = [program("BATOND"), "--data-dir", self.data, "--listen", "127.0.0.1:0"]
        if self.settings:
            command += ["--config", write_settings(self.folder / "refused.toml", self.settings)]
        answer = run_program(command)
        self.assertEqual((answer.code, answer.out), (1, ""), answer.err)
        line = answer.err.splitlines()[-1]
        self.assertTrue(line.startswith("batond: "), answer.err)
        return line

    def stopped_loudly(self):
        self.assertEqual(self.broker.wait(), 1, self.broker.log())
        self.assertIn("stopping at once", self.broker.log())

    def try_submit(self, payload, count=1):
        """A call with tasks that no worker runs: the ids, and what is said besides."""
        command = [program("BATON"), "--timeout", "20s", "submit", "nobody", "--data", "-", "--count", count, "--quiet"]
        answer = run_program(command, {"BATON_BROKER": self.broker.address}, payload)
        return [int(line) for line in answer.out.split()], answer

    def submit_many(self, count, payload="{}"):
        """The ids of so many tasks that no worker runs; all are acknowledged."""
        ids, answer = self.try_submit(payload, count)
        self.assertEqual((answer.code, len(ids)), (0, count), answer.err)
        return ids

    def pending(self):
        return int(self.baton("stats", "-o", "json").json()["counts"]["pending"])

    def verified(self):
        answer = run_program([program("BATOND"), "verify", self.data])
        self.assertEqual(answer.code, 0, answer.out + answer.err)
