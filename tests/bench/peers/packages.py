"""Installs what the measurement needs, and builds its programs."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from processes import Trouble, run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TOOLS = ROOT / "build" / "peers"
BUILD_PACKAGES = ("g++", "cmake", "ninja-build", "pkg-config", "libcli11-dev", "nlohmann-json3-dev", "libpq-dev",
                  "librabbitmq-dev")  # yapf: disable
# Asked by Debian's packages whether a service may be started; 101: no.
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE = "#!/bin/sh\nexit 101\n"


def install_packages(systems, say):
    wanted = {package for system in systems for package in system.packages} | set(BUILD_PACKAGES)
    missing = sorted(package for package in wanted if not _is_installed(package))
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    if os.geteuid() != 0:
        raise Trouble(f"not root: install these packages yourself: {' '.join(missing)}")
    refuses = not POLICY.exists()
    if refuses:
        POLICY.write_text(REFUSE)
        POLICY.chmod(0o755)
    try:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        wait = ["-o", "DPkg::Lock::Timeout=600"]
        run(["apt-get", "update", "-qq"])
        run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wait, *missing], environment=quiet)
    finally:
        if refuses:
            POLICY.unlink()


def _is_installed(package):
    # Other sources of Node.js bring npm in one package with it.
    if package in ("nodejs", "npm"):
        return shutil.which({"nodejs": "node"}.get(package, package)) is not None
    status = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True)
    return status.stdout == "installed"


def build_roles(say):
    say("building peer-bench")
    run(["cmake", "-S", HERE, "-B", TOOLS / "cxx", "-G", "Ninja"])
    run(["cmake", "--build", TOOLS / "cxx"])


def install_bullmq(say):
    """The versions that package.json names."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    folder = TOOLS / "node"
    if all(_node_version(folder, name) == version for name, version in wanted.items()):
        return
    say("installing " + " ".join(f"{name}@{version}" for name, version in wanted.items()))
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", folder)
    run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], directory=folder)


def _node_version(folder, name):
    description = folder / "node_modules" / name / "package.json"
    return json.loads(description.read_text())["version"] if description.exists() else None


def bullmq_version():
    return _node_version(TOOLS / "node", "bullmq")


def build_baton(say):
    """Where batond and baton-bench are."""
    binaries = ROOT / "build" / "release" / "bin"
    if not all((binaries / name).exists() for name in ("batond", "baton-bench")):
        say("building batond and baton-bench")
        run(["cmake", "--preset", "release"], directory=ROOT)
        run(["cmake", "--build", "--preset", "release", "--target", "batond", "baton-bench"], directory=ROOT)
    return binaries
