"""What the tests of this folder share: the build that is installed from, and the list of what is installed."""

import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

SOURCE_ROOT = Path(os.environ["SOURCE_ROOT"])
BUILD = Path(os.environ["BUILD"])
VERSION = os.environ["VERSION"]
CMAKE = os.environ["CMAKE"]

# Brokers and processes, for the programs that were installed.
sys.path.insert(0, str(SOURCE_ROOT / "tests" / "process"))


def run(*command, **options):
    """The output of a command that must succeed; what it said, if it does not."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def listed_files(component):
    """The patterns of paths, below the prefix, that installed_files.txt lists for a component."""
    lines = (Path(__file__).parent / "installed_files.txt").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]
    return [path for name, path in words if name == component]


def differences(files, patterns):
    """What is there and not listed ("+ path"), and what is listed and not there ("- pattern")."""
    unlisted = [f"+ {path}" for path in files if not any(fnmatch(path, pattern) for pattern in patterns)]
    missing = [f"- {pattern}" for pattern in patterns if not any(fnmatch(path, pattern) for path in files)]
    return unlisted + missing


def files_below(folder):
    """Of everything that is not a folder, the path from `folder`."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")
                  if path.is_symlink() or not path.is_dir())
