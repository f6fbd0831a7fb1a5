#!/usr/bin/env python3
"""Plants small faults in a copy of the sources and shows that each is caught, and by what.

Usage: planted.py [--check] [NAME…]

Without names all of them; --check only looks whether each still fits the sources. Works in build/planted; a fault costs
one incremental build. Exit code: 0 all caught, 1 one was not, or no longer fits.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bugs import BUGS  # pylint: disable=wrong-import-position

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "build" / "planted" / "source"
TIME_LIMIT = 600


def misfits():
    """Faults whose place is not there exactly once."""
    return [bug["name"] for bug in BUGS if (ROOT / bug["file"]).read_text().count(bug["old"]) != 1]


def copy_sources():
    """Brings the copy up to date and leaves untouched what has not changed, so that little is built again."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    for name in filter(None, listed):
        source, copy = ROOT / name, COPY / name
        if not source.is_file() or (copy.is_file() and copy.read_bytes() == source.read_bytes()):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)


def run(arguments, limit=None):
    try:
        return subprocess.run(arguments, cwd=COPY, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 124, "", f"it did not end within {limit} s")


def build(target):
    built = run(["cmake", "--build", "--preset", "release", "--target", target])
    if built.returncode != 0:
        sys.exit(f"planted.py: {target} cannot be built:\n{built.stdout[-3000:]}{built.stderr[-1000:]}")


def verdict_of(bug):
    """How the proof ends with this fault in place: (whether it fails, its first words)."""
    target, arguments = bug["proof"]
    file = COPY / bug["file"]
    sound = file.read_text()
    file.write_text(sound.replace(bug["old"], bug["new"]))
    try:
        build(target)
        program = COPY / "build" / "release" / "tests" / {"simulation": "baton-simulation"}.get(target, target)
        ended = run([str(program), *arguments], TIME_LIMIT)
    finally:
        file.write_text(sound)
    said = [line for line in (ended.stderr + "\n" + ended.stdout).split("\n") if line.strip()]
    telling = [line for line in said if line.startswith("seed ") or "Failure" in line or "acknowledged" in line]
    return ended.returncode != 0, (telling or said or ["it ended without a word"])[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    unknown = set(options.names) - {bug["name"] for bug in BUGS}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    for name in misfits():
        print(f"no longer fits the sources: {name}")
    if options.check or misfits():
        return 1 if misfits() else 0

    copy_sources()
    run(["cmake", "--preset", "release"])
    chosen = [bug for bug in BUGS if not options.names or bug["name"] in options.names]
    escaped = 0
    for bug in chosen:
        caught, words = verdict_of(bug)
        escaped += not caught
        print(f"{'caught ' if caught else 'ESCAPED'}  {bug['name']}  by {bug['proof'][0]}: {words[:200]}", flush=True)
    print(f"{len(chosen) - escaped} passed, {escaped} failed")
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
