#!/usr/bin/env python3
"""The Debian packages, as `cpack` makes them from this build: contents, fields, scripts, what lintian minds first."""

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

from installation import BUILD, CMAKE, SOURCE_ROOT, VERSION, differences, files_below, listed_files, run

COMPONENT_OF = {"batond": "batond", "baton": "baton", "libbaton-dev": "baton-dev"}


class Package:
    """One package, taken apart."""

    def __init__(self, path, folder):
        self.path = path
        self.name = path.name.split("_")[0]
        self.root = folder / self.name / "root"
        self.control = folder / self.name / "control"
        self.root.parent.mkdir()
        run("dpkg-deb", "--extract", path, self.root)
        run("dpkg-deb", "--control", path, self.control)

    def field(self, name):
        return run("dpkg-deb", "--field", self.path, name).strip()

    def members(self):
        """The tar entries of what is installed."""
        command = ["dpkg-deb", "--fsys-tarfile", str(self.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacked:
            with tarfile.open(fileobj=unpacked.stdout, mode="r|") as archive:
                return list(archive)


class DebianTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="baton-debian-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        made = cls.folder / "made"
        run(Path(CMAKE).with_name("cpack"), "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", made,
            "-D", f"CPACK_PACKAGE_DIRECTORY={made}", cwd=cls.folder)
        found = [Package(path, cls.folder) for path in sorted(made.glob("*.deb"))]
        cls.packages = {package.name: package for package in found}
        cls.architecture = run("dpkg", "--print-architecture").strip()

    def test_there_are_three_packages_of_this_version(self):
        self.assertEqual(sorted(self.packages), sorted(COMPONENT_OF))
        for name, package in self.packages.items():
            self.assertEqual(package.path.name, f"{name}_{VERSION}_{self.architecture}.deb")
            self.assertEqual(package.field("Package"), name)
            self.assertEqual(package.field("Version"), VERSION)
            self.assertEqual(package.field("Architecture"), self.architecture)
            self.assertIn(package.field("Section"), ("net", "libdevel"))
            self.assertRegex(package.field("Maintainer"), r"^[^<]+ <\S+@\S+>$")
            description = package.field("Description").splitlines()
            self.assertLess(len(description[0]), 80)
            self.assertGreater(len(description), 1)
            for line in description[1:]:
                self.assertRegex(line, r"^ \S.{,79}$")

    def test_each_has_what_the_list_says_in_the_places_of_debian(self):
        for name, package in self.packages.items():
            places = [path if path.startswith("etc/") else f"usr/{path}" for path in listed_files(COMPONENT_OF[name])]
            self.assertEqual(differences(files_below(package.root), places), [], name)

    def test_what_they_need_is_named(self):
        for name in ("batond", "baton"):
            depends = self.packages[name].field("Depends")
            for library in ("libc6", "libgrpc++", "libprotobuf", "libstdc++6"):
                self.assertIn(library, depends)
        self.assertIn("adduser", self.packages["batond"].field("Depends"))
        self.assertIn("libgrpc++-dev", self.packages["libbaton-dev"].field("Depends"))

    def test_everything_belongs_to_root_and_nobody_else_may_write(self):
        for name, package in self.packages.items():
            for member in package.members():
                self.assertEqual((member.uid, member.gid), (0, 0), f"{name}: {member.name}")
                wanted = 0o755 if member.isdir() or "/bin/" in member.name else 0o644
                self.assertEqual(oct(member.mode & 0o7777), oct(wanted), f"{name}: {member.name}")

    def test_programs_are_stripped_and_know_no_build_folder(self):
        for name in ("batond", "baton"):
            program = self.packages[name].root / "usr" / "bin" / name
            self.assertNotIn(".debug_info", run("readelf", "--section-headers", "--wide", program))
            self.assertNotRegex(run("readelf", "--dynamic", "--wide", program), "RPATH|RUNPATH")
        for archive in (self.packages["libbaton-dev"].root / "usr" / "lib").glob("*.a"):
            self.assertNotIn(".debug_info", run("readelf", "--section-headers", "--wide", archive), archive.name)
        for file in (self.packages["libbaton-dev"].root / "usr" / "lib" / "cmake").rglob("*.cmake"):
            self.assertNotIn(str(SOURCE_ROOT), file.read_text(), file.name)

    def test_the_settings_are_a_configuration_file_of_the_package(self):
        package = self.packages["batond"]
        listed = (package.control / "conffiles").read_text().splitlines()
        self.assertEqual(listed, ["/etc/baton/batond.conf"])
        self.assertIn("usr/share/doc/batond/copyright", (package.control / "md5sums").read_text())

    def test_the_scripts_are_those_of_a_service(self):
        control = self.packages["batond"].control
        scripts = sorted(path.name for path in control.iterdir() if os.access(path, os.X_OK))
        self.assertEqual(scripts, ["postinst", "postrm", "prerm"])
        for script in scripts:
            self.assertRegex((control / script).read_text(), r"\A#!/bin/sh\n(?:#.*\n)*set -e\n")
            run("sh", "-n", control / script)
            wrong = subprocess.run(["sh", control / script, "nonsense"], capture_output=True, text=True, check=False)
            self.assertEqual(wrong.returncode, 1 if script == "postinst" else 0, wrong.stderr)
        self.assertNotRegex((control / "postrm").read_text(), r"rm -r[f]? /var/lib/baton(?! &&)",
                            "a purge must not cost tasks")
        for name in ("baton", "libbaton-dev"):
            self.assertEqual([path for path in self.packages[name].control.iterdir() if os.access(path, os.X_OK)], [])

    def test_the_changelog_is_of_this_version(self):
        changelog = (SOURCE_ROOT / "deploy" / "debian" / "changelog").read_text()
        self.assertEqual(re.match(r"baton \((\S+)\) ", changelog).group(1), VERSION)


if __name__ == "__main__":
    unittest.main()
