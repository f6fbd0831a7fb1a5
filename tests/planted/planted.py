#!/usr/bin/env python3
"""Plants small faults in a copy of the sources and shows that each is caught, and by what.

Usage: planted.py [--check] [NAME…]

Without names all of them; --check only looks whether each still fits the sources. Works in build/planted; a fault costs
one incremental build. Before that each proof is run once on the sound sources, where it has to pass: else it would
prove nothing. One that does not end in its time catches nothing either. Exit code: 0 all caught, 1 one was not, or that
is not known, or one no longer fits.
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
# As if the program had ended so, which was ended because its time was over; none of ours does.
OVER_TIME = 124
PROGRAMS = {"simulation": "baton-simulation"}


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
        return subprocess.CompletedProcess(arguments, OVER_TIME, "", f"it did not end within {limit} s")


def build(target):
    built = run(["cmake", "--build", "--preset", "release", "--target", target])
    if built.returncode != 0:
        sys.exit(f"planted.py: {target} cannot be built:\n{built.stdout[-3000:]}{built.stderr[-1000:]}")


def prove(proof):
    """How a proof ends with the copy as it is: ("passes", "fails" or "undecided", its first words)."""
    target, arguments = proof
    build(target)
    program = COPY / "build" / "release" / "tests" / PROGRAMS.get(target, target)
    ended = run([str(program), *arguments], TIME_LIMIT)
    said = [line for line in (ended.stderr + "\n" + ended.stdout).split("\n") if line.strip()]
    telling = [line for line in said if line.startswith("seed ") or "Failure" in line or "acknowledged" in line]
    words = (telling or said or ["it ended without a word"])[0]
    return {0: "passes", OVER_TIME: "undecided"}.get(ended.returncode, "fails"), words


def hold_on_sound_sources(bugs):
    """Whether each proof of these faults passes without them. Says so of each, and stops at the first that does not."""
    proofs = []
    for bug in bugs:
        if bug["proof"] not in proofs:
            proofs.append(bug["proof"])
    for target, arguments in proofs:
        outcome, words = prove((target, arguments))
        passes = outcome == "passes"
        command = " ".join([target, *arguments])
        print(f"{outcome:9}  {command} on the sound sources{'' if passes else ': ' + words[:200]}", flush=True)
        if not passes:
            return False
    return True


def verdict_of(bug):
    """How the proof ends with this fault in place: ("caught", "ESCAPED" or "UNDECIDED", its first words)."""
    file = COPY / bug["file"]
    sound = file.read_text()
    file.write_text(sound.replace(bug["old"], bug["new"]))
    try:
        outcome, words = prove(bug["proof"])
    finally:
        file.write_text(sound)
    return {"passes": "ESCAPED", "fails": "caught", "undecided": "UNDECIDED"}[outcome], words


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
    if not hold_on_sound_sources(chosen):
        print("no fault was planted: a proof that does not pass without one proves nothing")
        return 1
    failed = 0
    for bug in chosen:
        verdict, words = verdict_of(bug)
        failed += verdict != "caught"
        print(f"{verdict:9}  {bug['name']}  by {bug['proof'][0]}: {words[:200]}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
