#!/usr/bin/env python3
"""A seed tells the same story in every process: else no failure could be replayed.

Usage: repeats_test.py SIMULATION

Hash tables of different processes have different orders, so what depends on one shows here.
"""

import subprocess
import sys

COMMANDS = 600
# The first few seeds that between them end, freeze and kill the broker and supersede workers.
SEEDS = range(1, 13)


def story_of(simulation, seed):
    told = subprocess.run([simulation, "--trace", f"--seed={seed}", f"--commands={COMMANDS}"], capture_output=True,
                          text=True, timeout=60, check=False)
    if told.returncode != 0:
        sys.exit(f"seed {seed} fails: {told.stderr}")
    return told.stdout.split("\n")


def main():
    (simulation,) = sys.argv[1:]
    for seed in SEEDS:
        first, second = story_of(simulation, seed), story_of(simulation, seed)
        if len(first) < COMMANDS:
            sys.exit(f"seed {seed} tells hardly anything: {len(first)} lines")
        for number, (one, other) in enumerate(zip(first, second), start=1):
            if one != other:
                sys.exit(f"seed {seed}, line {number}, differs from one run to the next:\n  {one}\n  {other}")
        if len(first) != len(second):
            sys.exit(f"seed {seed} ends after {len(first)} lines in one run, after {len(second)} in the next")
    print(f"{len(SEEDS)} seeds told the same twice")


if __name__ == "__main__":
    main()
