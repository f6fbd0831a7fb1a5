#!/usr/bin/env python3
"""Runs the fuzzers of build/fuzz: each invents inputs for so long, two of them at a time.

What they find out is kept in build/fuzz/corpus, and taken up again by the next run. An input that breaks a promise is
written to build/fuzz/found, and how to replay it is told; exit code 1.
"""

import argparse
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUZZ = Path(__file__).resolve().parent

# An input that takes longer is one that would stop a broker from serving others; under sanitizers, on a busy machine.
INPUT_SECONDS = 25
MEMORY_MIB = 2048
# Sequences of requests need room; the rest is found with little.
MAX_BYTES = {"requests": 2048, "store": 512}
MAX_BYTES_DEFAULT = 400


def fuzzer_names():
    return sorted(folder.name for folder in (FUZZ / "corpus").iterdir() if folder.is_dir())


def program(build, name):
    return build / "tests" / f"fuzz_{name}"


def shown(path):
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def command_for(build, name, seconds, seed):
    found, corpus = build / "found", build / "corpus" / name
    found.mkdir(exist_ok=True)
    corpus.mkdir(parents=True, exist_ok=True)
    return [
        program(build, name), f"-max_total_time={seconds}", f"-seed={seed}", f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY_MIB}", f"-max_len={MAX_BYTES.get(name, MAX_BYTES_DEFAULT)}",
        f"-artifact_prefix={found}/{name}-", "-print_final_stats=1", corpus, FUZZ / "corpus" / name,
    ]  # yapf: disable


def fuzz(build, name, seconds, seed):
    """True if no promise was broken. Tells how it went in one line, or with the end of the log."""
    log = build / "found" / f"{name}.log"
    command = command_for(build, name, seconds, seed)
    before = found_by(build, name)
    begin = time.monotonic()
    with log.open("wb") as output:
        # The corpus itself may take longer than the time that is left for inventing.
        code = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    text = log.read_text(errors="replace")
    if code == 0:
        print(f"{name}: {statistic(text, 'number_of_executed_units')} inputs in {time.monotonic() - begin:.0f} s, "
              "no promise broken", flush=True)
        return True
    inputs = sorted(found_by(build, name) - before)
    report = [f"{name}: FAILED with exit code {code}; the end of {shown(log)}:", *text.splitlines()[-60:]]
    for path in inputs:
        report.append(f"--- to replay: {shlex.join(map(str, [shown(program(build, name)), shown(path)]))}")
        report.append(f"    once it is mended, keep it: cp {shlex.quote(str(shown(path)))} tests/fuzz/corpus/{name}/")
    print("\n".join(report), flush=True)
    return False


def found_by(build, name):
    return {path for path in (build / "found").glob(f"{name}-*") if path.is_file()}


def statistic(text, name):
    values = [line.rsplit(":", 1)[1].strip() for line in text.splitlines() if line.startswith(f"stat::{name}:")]
    return values[-1] if values else "?"


def parsed_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fuzzers", nargs="*", metavar="FUZZER", help=f"of {', '.join(fuzzer_names())}; default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each fuzzer; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1,
                        help="where chance begins: the same one, without build/fuzz/corpus, brings the same inputs in "
                        "the same order; 0: others each time; default: %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="fuzzers at a time; default: %(default)s")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "fuzz", help="default: build/fuzz")
    arguments = parser.parse_args()
    for name in arguments.fuzzers:
        if name not in fuzzer_names():
            parser.error(f"there is no fuzzer '{name}': choose from {', '.join(fuzzer_names())}")
    if arguments.seconds < 1 or arguments.jobs < 1 or arguments.seed < 0:
        parser.error("--seconds and --jobs must be at least 1, --seed at least 0")
    return arguments


def main():
    arguments = parsed_arguments()
    names = arguments.fuzzers or fuzzer_names()
    build = arguments.build.resolve()
    missing = [name for name in names if not program(build, name).exists()]
    if missing:
        print(f"not built: {', '.join(missing)}. Run: cmake --workflow --preset fuzz", file=sys.stderr)
        return 2
    (build / "found").mkdir(exist_ok=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        good = list(pool.map(lambda name: fuzz(build, name, arguments.seconds, arguments.seed), names))
    print(f"{len(names)} fuzzers for {arguments.seconds} s each: {sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
