#!/usr/bin/env python3
"""Checks what a compiler does not: the layout, the size and the layering of the source tree.

Usage: hygiene.py REPOSITORY. Prints one `file:line: rule: what is wrong and what to do` for each finding; exit code 1
if there is any. A line that must break a rule carries the comment `hygiene: allow RULE: REASON`.
"""

import fnmatch
import os
import posixpath
import re
import sys
from dataclasses import dataclass
from pathlib import Path

TOP_LEVEL = {
    "CMakeLists.txt", "proto", "broker", "worker_sdk", "client_cli", "tests", "deploy", "README.md",
    ".ci", ".clang-format", ".clang-tidy", ".gitignore", "CMakePresets.json",
}  # yapf: disable
# Belongs to the version control system, not to the tree.
NOT_PART_OF_THE_TREE = {".git"}

CODE_SUFFIXES = {".cc", ".h", ".proto", ".py", ".sh", ".cmake"}
MAX_LINES = {".proto": 900}
MAX_LINES_DEFAULT = 400
MAX_COLUMNS = 120

# Lowest first: a layer includes itself and what stands before it. `main` is what lies directly in broker/.
BROKER_LAYERS = ["base", "storage", "engine", "service", "server", "main"]
# The one place of the SDK that may look into the broker: the in-process broker it offers to its users' tests.
TEST_KIT = "worker_sdk/test_kit/"

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
ALLOWED = re.compile(r"hygiene: allow ([a-z-]+): \S")
# Spelt in halves so that this file passes its own rule.
LEFTOVER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")


@dataclass(frozen=True)
class Ban:
    rule: str
    pattern: re.Pattern
    folders: tuple  # prefixes of the paths where the ban holds
    except_for: tuple  # glob patterns of paths where it does not
    advice: str


BANS = [
    Ban("sleep", re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|SleepFor)\s*\("),
        ("broker/", "worker_sdk/", "client_cli/", "tests/"), (),
        "wait on a condition with a deadline: SteadyNotification, poll; in tests also absl::Mutex::AwaitWithTimeout"),
    Ban("wall-clock", re.compile(r"\b(WaitForNotification|Await|LockWhen|ReaderLockWhen)With(Timeout|Deadline)\("),
        ("broker/",), (),
        "it lasts longer by as much as the wall clock is set back meanwhile: use SteadyNotification or SteadyCondVar "
        "(broker/base/)"),
    Ban("clock", re.compile(r"\b(system_clock|steady_clock|high_resolution_clock)::now\b|\babsl::Now\(\)"
                            r"|\b(clock_gettime|gettimeofday|GetCurrentTimeNanos)\("),
        ("broker/", "worker_sdk/", "tests/unit/engine/", "tests/simulation/"),
        ("broker/base/clock.cc", "worker_sdk/src/*clock.cc", "worker_sdk/examples/*"),
        "take the time from the baton::Clock that is passed in, tests turn a ManualClock (a gRPC deadline: "
        "gpr_time_from_micros(..., GPR_TIMESPAN))"),
    Ban("stdout", re.compile(r"\bstd::cout\b|(?<![\w:])(?:std::)?(?:printf|puts|putchar)\s*\("),
        ("broker/",), ("broker/*.cc",), "log with spdlog; only the main program prints"),
]  # yapf: disable


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def ignored_names(root):
    """Names from .gitignore; its patterns here are plain names, with or without slashes at the ends."""
    path = root / ".gitignore"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.strip().strip("/") for line in lines if line.strip() and not line.startswith("#")]


def list_files(root):
    """Every file of the tree as a path with forward slashes relative to `root`, ignored ones left out."""
    ignored = ignored_names(root)

    def keep(name):
        return name not in NOT_PART_OF_THE_TREE and not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)

    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(filter(keep, folders))
        relative = Path(folder).relative_to(root)
        files += [(relative / name).as_posix() for name in sorted(names) if keep(name)]
    return files


def check_top_level(files):
    present = {path.split("/")[0] for path in files}
    for name in sorted(present - TOP_LEVEL):
        yield Finding(name, 1, "layout", f"not part of the agreed top level: {', '.join(sorted(TOP_LEVEL))}")
    for name in sorted(TOP_LEVEL - present):
        yield Finding(name, 1, "layout", "missing from the top level")


def is_code(path, text):
    return Path(path).suffix in CODE_SUFFIXES or path.endswith("CMakeLists.txt") or text.startswith("#!")


def check_size(path, lines):
    limit = MAX_LINES.get(Path(path).suffix, MAX_LINES_DEFAULT)
    if len(lines) > limit:
        yield Finding(path, limit + 1, "length", f"{len(lines)} lines, at most {limit}: split it by concept")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            yield Finding(path, number, "columns", f"{len(line)} characters, at most {MAX_COLUMNS}")


def code_of(line):
    """The line without string literals and without the comment at its end."""
    return re.sub(r"//.*", "", re.sub(r'"(?:[^"\\]|\\.)*"', '""', line))


def check_bans(path, lines):
    bans = [
        ban for ban in BANS if path.startswith(ban.folders) and not any(matches(path, glob) for glob in ban.except_for)
    ]
    for number, line in enumerate(lines, 1):
        code = code_of(line)
        for ban in bans:
            found = ban.pattern.search(code)
            if found:
                yield Finding(path, number, ban.rule, f"{found.group(0).rstrip('( ')} is banned here: {ban.advice}")


def matches(path, glob):
    """Like fnmatch, but `*` stops at a slash."""
    return path.count("/") == glob.count("/") and fnmatch.fnmatch(path, glob)


def check_leftovers(path, lines):
    for number, line in enumerate(lines, 1):
        found = LEFTOVER.search(line)
        if found:
            yield Finding(path, number, "leftover", f"{found.group(0)}: do it, or describe the limit as it is")


def broker_layer(path):
    """Index into BROKER_LAYERS, or None for a path that is not of the broker."""
    parts = path.split("/")
    if parts[0] != "broker":
        return None
    if len(parts) == 2:
        return BROKER_LAYERS.index("main")
    return BROKER_LAYERS.index(parts[1]) if parts[1] in BROKER_LAYERS else None


def include_problem(path, target, system):
    """Why `path` may not include `target` (a path from the root, or a system header), or None."""
    folder = path.split("/")[0]
    is_rocksdb = target.startswith("rocksdb/")
    is_grpc = target.startswith(("grpcpp/", "grpc/")) or target.endswith(".grpc.pb.h")
    if folder == "broker":
        layer = broker_layer(path)
        if layer is None:
            return f"belongs to no layer; broker/ has {', '.join(BROKER_LAYERS[:-1])}"
        if is_rocksdb and BROKER_LAYERS[layer] != "storage":
            return "only broker/storage knows RocksDB: go through broker/storage/store.h"
        if is_grpc and layer < BROKER_LAYERS.index("service"):
            return "only broker/service and broker/server know gRPC"
        target_layer = broker_layer(target)
        if target_layer is not None and target_layer > layer:
            return f"{BROKER_LAYERS[layer]} lies below {BROKER_LAYERS[target_layer]}; include only downward"
        if not system and target.split("/")[0] in ("worker_sdk", "client_cli", "tests"):
            return "the broker depends on neither its clients nor tests"
    elif folder in ("worker_sdk", "client_cli"):
        if target.startswith("broker/") and not path.startswith(TEST_KIT):
            return f"clients speak to the broker over the wire; only {TEST_KIT} may include broker/"
        if is_rocksdb:
            return "only broker/storage knows RocksDB"
        if target.startswith("tests/"):
            return "what is shipped does not depend on tests"
    return None


def check_includes(path, lines, known_files):
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        system = found.group(2) is not None
        target = found.group(2) or found.group(1)
        if not system and target not in known_files:
            beside = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            target = beside if beside in known_files else target
        problem = include_problem(path, target, system)
        if problem:
            yield Finding(path, number, "include", f"{target}: {problem}")


def check_registration(files, texts):
    """Every test file is named by the nearest CMakeLists.txt above it, and tests/CMakeLists.txt adds that folder."""
    known = set(files)
    for path in files:
        if not re.search(r"_test\.(cc|py|sh)$", path):
            continue
        folder = posixpath.dirname(path)
        while folder and f"{folder}/CMakeLists.txt" not in known:
            folder = posixpath.dirname(folder)
        listing = f"{folder}/CMakeLists.txt" if folder else "CMakeLists.txt"
        name = posixpath.relpath(path, folder or ".")
        if not mentions(texts.get(listing, ""), name):
            yield Finding(path, 1, "registration", f"never runs: name {name} in {listing}")
        if folder.startswith("tests/") and not added_from_above(folder, texts):
            yield Finding(path, 1, "registration", f"never runs: {folder} is not added by a CMakeLists.txt above it")


def mentions(text, name):
    return re.search(r"(?<![\w.-])(?<!\w/)" + re.escape(name) + r"(?![\w/.-])", re.sub(r"#.*", "", text)) is not None


def added_from_above(folder, texts):
    above = posixpath.dirname(folder)
    while above:
        if mentions(texts.get(f"{above}/CMakeLists.txt", ""), posixpath.relpath(folder, above)):
            return True
        above = posixpath.dirname(above)
    return False


def check_repository(root):
    files = list_files(root)
    findings = list(check_top_level(files))
    texts = {}
    for path in files:
        try:
            texts[path] = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # data, not text
    for path, text in texts.items():
        lines = text.splitlines()
        found = list(check_leftovers(path, lines))
        if is_code(path, text):
            found += check_size(path, lines)
        if path.endswith((".cc", ".h")):
            found += check_bans(path, lines)
            found += check_includes(path, lines, texts.keys())
        findings += [finding for finding in found if not is_allowed(finding, lines)]
    findings += check_registration(files, texts)
    return sorted(findings)


def is_allowed(finding, lines):
    found = ALLOWED.search(lines[finding.line - 1])
    return found is not None and found.group(1) == finding.rule


def main():
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    findings = check_repository(Path(sys.argv[1]))
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
