#!/usr/bin/env python3
"""What deploy/README.md shows: settings, backups, restoring, moving, with a broker as systemd would run it."""

import os
import re
import shutil
import unittest

from harness import program, run_program
from host import HostTest
from player import ROOT, plays


class DeployReadmeTest(HostTest):

    document = "deploy/README.md"

    def setUp(self):
        super().setUp()
        self.words["/tmp/baton.tar.gz"] = self.folder / "baton.tar.gz"
        # There is no user of the broker, so what is installed belongs to whoever runs the tests.
        self.write_script("install", '[[ $1 == -d ]] && mkdir -p "${@: -1}"')
        self.settings(backup={"directory": f'"{self.folder}/backups/baton"'})

    def incarnation(self):
        return self.baton("info", "-o", "json").json()["incarnation"]

    def start_with_a_task(self):
        self.systemctl("start")
        return self.submit("clean", "kept")

    def test_every_section_is_played(self):
        self.check_every_section_is_played()

    @plays("Install")
    def test_what_installs_is_there(self):
        install, build, package, packages = [command for command, _ in self.sections["Install"].steps()]
        self.assertTrue(os.access(ROOT / install, os.X_OK))
        self.assertEqual(run_program(["bash", "-n", ROOT / install]).code, 0)
        self.assertIn(build, (ROOT / "README.md").read_text())
        tested = (ROOT / "tests/package/debian_test.py").read_text()
        named = re.findall(r"^\| `([\w-]+)` \|", (ROOT / self.document).read_text(), re.MULTILINE)
        self.assertEqual(len(named), 3)
        for name in named:
            self.assertIn(f'"{name}":', tested)
        self.assertTrue(packages.endswith("/packages/*.deb"))
        self.assertTrue(package.endswith("--target package"))

    @plays("Configure")
    def test_configure(self):
        outputs = self.play("Configure")
        printed = next(printed for command, printed in outputs.items() if command.endswith("--print-config"))
        self.assertIn(f'directory = "{self.folder}/backups/baton"', printed)
        self.assertEqual(self.baton("info").code, 0)

    @plays("Access tokens", "Change them")
    def test_access_tokens(self):
        self.configuration.write_text('[access]\n#tokens_file = ""\n')
        self.systemctl("start")
        printed = self.play_in_one_shell("Access tokens", "Change them")
        for name in ("ops", "billing", "worker-7"):
            self.assertIn(name, printed)
            self.assertEqual((self.folder / f"{name}.token").stat().st_mode & 0o777, 0o600)
        without = run_program([program("BATON"), "info"], self.environment)
        self.assertIn("access token", without.err)
        with_token = {**self.environment, "BATON_ACCESS_TOKEN_FILE": str(self.folder / "worker-7.token")}
        of_a_worker = run_program([program("BATON"), "info"], with_token)
        self.assertIn("role", of_a_worker.err)
        self.assertEqual((without.code, of_a_worker.code), (7, 7))

    @plays("Encryption")
    def test_certificates(self):
        """They are made and installed; tls_test.py has a broker that uses them."""
        self.write_script("install", """arguments=()
while (($#)); do
  if [[ $1 == -o ]]; then shift; else arguments+=("$1"); fi
  shift
done
exec /usr/bin/install "${arguments[@]}\"""")
        self.play_in_one_shell("Encryption")
        folder = self.folder / "etc" / "tls"
        self.assertEqual((folder / "broker.key").stat().st_mode & 0o777, 0o600)
        fits = run_program(["openssl", "verify", "-CAfile", folder / "ca.pem", folder / "broker.pem"], {})
        self.assertEqual(fits.code, 0, fits.err)

    @plays("Run under systemd")
    def test_run_under_systemd(self):
        self.systemctl("start")
        outputs = self.play("Run under systemd")
        self.assertIn("active (running)", outputs["systemctl status batond"])
        self.assertIn("serving on", outputs["journalctl -u batond"])

    @plays("Container")
    def test_container(self):
        """There is no container here: the commands are those of compose, for a service that the file has."""
        self.write_script("docker", """[[ "$1 $2" == "compose -f" && -f $3 ]] || exit 64
case $4 in
  up) [[ $5 == --detach ]] ;;
  exec) grep -qx "  $5:" "$3" && "${@:6}" ;;
  *) exit 64 ;;
esac""")
        self.systemctl("start")
        self.play("Container")

    @plays("Back up", "Restore")
    def test_backing_up_and_restoring(self):
        kept = self.start_with_a_task()
        before = self.incarnation()
        (self.data / "tokens.toml").write_text("# The tokens that there are.")
        outputs = self.play("Back up")
        self.assertIn("before-upgrade", outputs["baton backups"])
        lost = self.submit("clean", "lost")
        self.play("Restore")
        self.assertTrue((self.data / "tokens.toml").exists(), "no backup has them")
        self.assertEqual(self.get(kept)["state"], "PENDING")
        self.baton("get", str(lost), code=3)
        self.assertNotEqual(self.incarnation(), before)
        self.start_in_background("gpu_worker")
        self.wait_for_end(kept)

    @plays("Move to another host")
    def test_moving_to_another_host(self):
        kept = self.start_with_a_task()
        before = self.incarnation()
        self.play("Move to another host")
        self.assertEqual(self.get(kept)["state"], "PENDING")
        self.assertEqual(self.incarnation(), before, "a move is no restore")

    @plays("Copy a stopped broker")
    def test_copying_a_stopped_broker(self):
        kept = self.start_with_a_task()
        before = self.incarnation()
        self.play("Copy a stopped broker")
        self.systemctl("stop")
        shutil.rmtree(self.data)
        (self.folder / "lib/baton-copy").rename(self.data)
        self.systemctl("start")
        self.assertEqual(self.get(kept)["state"], "PENDING")
        self.assertNotEqual(self.incarnation(), before)

    def test_every_file_named_is_there(self):
        named = set(re.findall(r"`((?:deploy|tests|proto|broker)/[\w./-]+)`", (ROOT / self.document).read_text()))
        self.assertGreater(len(named), 4)
        for path in named:
            self.assertTrue((ROOT / path).exists(), path)


if __name__ == "__main__":
    unittest.main()
