#!/usr/bin/env python3
"""The unit for systemd and the container: as far as they can be checked without starting either."""

import re
import shlex
import shutil
import tempfile
import unittest
from pathlib import Path

import yaml

from installation import BUILD, SOURCE_ROOT, run

DEPLOY = SOURCE_ROOT / "deploy"
# In tenths, where 0 is nothing to object and 100 all there is; the unit has 14.
EXPOSURE_LIMIT = 20
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "STOPSIGNAL", "HEALTHCHECK",
                "ENTRYPOINT", "CMD"}  # yapf: disable


class UnitTest(unittest.TestCase):

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="baton-unit-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.text = (DEPLOY / "batond.service").read_text()
        # With the program of this build, as the installed one need not be there.
        self.unit = self.folder / "batond.service"
        self.unit.write_text(self.text.replace("/usr/bin/batond", str(BUILD / "bin" / "batond")))

    def test_systemd_finds_no_fault(self):
        self.assertEqual(run("systemd-analyze", "verify", "--man=no", self.unit), "")

    def test_what_a_broken_into_broker_could_do_stays_little(self):
        run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_LIMIT}", self.unit)

    def test_it_agrees_with_the_package(self):
        self.assertIn("ExecStart=/usr/bin/batond --config /etc/baton/batond.conf\n", self.text)
        self.assertIn("adduser --system --group", (DEPLOY / "debian" / "postinst").read_text())
        for line in ("Type=notify", "User=baton", "StateDirectory=baton", "WantedBy=multi-user.target",
                     "RestartPreventExitStatus=2"):
            self.assertIn(line + "\n", self.text)


class ContainerTest(unittest.TestCase):

    def instructions(self):
        """(instruction, its words) of the Dockerfile, continued lines joined."""
        text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", (DEPLOY / "Dockerfile").read_text()))
        lines = [line for line in text.splitlines() if line.strip()]
        return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]

    def test_every_instruction_is_one_and_what_is_copied_is_there(self):
        stages = []
        for instruction, words in self.instructions():
            self.assertIn(instruction, INSTRUCTIONS)
            if instruction == "FROM":
                stages.append(re.fullmatch(r"debian:12(?:-slim)?(?: AS (\w+))?", words).group(1))
            elif instruction == "RUN":
                run("bash", "-n", "-c", words)
            elif instruction == "COPY" and not words.startswith("--from="):
                for source in shlex.split(words)[:-1]:
                    self.assertTrue((SOURCE_ROOT / source).exists(), source)
            elif instruction == "COPY":
                self.assertIn(words.split()[0].removeprefix("--from="), stages)
        self.assertEqual(stages, ["build", None])

    def test_it_does_not_run_as_root_and_its_broker_takes_the_options(self):
        instructions = dict(self.instructions())
        self.assertEqual(instructions["USER"], "baton")
        words = yaml.safe_load(instructions["ENTRYPOINT"]) + yaml.safe_load(instructions["CMD"])
        self.assertEqual(words[:3], ["batond", "--config", "/etc/baton/batond.conf"])
        settings = BUILD / "deploy" / "files" / "batond.conf"
        shown = run(BUILD / "bin" / "batond", "--config", settings, *words[3:], "--print-config")
        self.assertIn('listen = "unix:/run/baton/batond.sock"\n', shown)
        self.assertIn('data_dir = "/var/lib/baton"\n', shown)

    def test_compose_has_the_broker_with_its_volumes(self):
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        broker = compose["services"]["batond"]
        self.assertTrue((DEPLOY / broker["build"]["context"] / broker["build"]["dockerfile"]).is_file())
        volumes = dict(volume.split(":") for volume in broker["volumes"])
        self.assertEqual(set(volumes), set(compose["volumes"]))
        self.assertEqual(sorted(volumes.values()), sorted(yaml.safe_load(dict(self.instructions())["VOLUME"])))
        # A port could be published, but nobody would listen behind it.
        self.assertNotIn("ports", broker)


if __name__ == "__main__":
    unittest.main()
