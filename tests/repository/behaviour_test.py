#!/usr/bin/env python3
"""The page behaviour.md and the tests agree: every item of the catalogue has its row, and every test that a row names
exists and names the item.

Usage: behaviour_test.py [REPOSITORY]. Prints one `file:line: what is wrong` for each problem.
"""

import re
import sys
import unittest
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

PAGE = "tests/behaviour.md"
# Numbers that the catalogue has; what is left out was never given.
CATALOGUE = {
    "B": "1-263",
    "S": "1-8 11-13 15-24 27-36 38-45 47-51 53-68 70-79 82-83 85-86 88 90-96 98-100 102-114 116-126 129 132-133 "
         "136-141 144-146 148 150-151",
}  # yapf: disable
COLUMNS = ("item", "in Baton", "test")

CPP_TEST = re.compile(r"(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)")
PYTHON_TEST = re.compile(r"( *)def (test_\w+)\(")
# What a test says at the end of its first line: `// B65, S12`.
MARK = re.compile(r"(?://|#) ([BS]\d+(?:, [BS]\d+)*)$")
# Without a test a row says why: a decision, or what is missing.
REASON = re.compile(r"(?:decision|open): \S+ \S+")


@dataclass(frozen=True)
class Test:
    path: str
    line: int
    # From its first line to its last.
    source: str

    def names(self, item):
        return re.search(rf"\b{item}\b", self.source) is not None


@dataclass(frozen=True)
class Row:
    line: int
    item: str
    cells: tuple

    def tests(self):
        return re.findall(r"`([^`]*)`", self.cells[-1])

    def reason(self):
        return re.sub(r"`[^`]*`", "", self.cells[-1]).strip(" ,;")


def catalogue(ranges):
    items = set()
    for letter, text in ranges.items():
        for part in text.split():
            first, _, last = part.partition("-")
            items |= {f"{letter}{number}" for number in range(int(first), int(last or first) + 1)}
    return items


def block(lines, start, indent):
    """The line at `start` and those below that are indented more."""
    end = start + 1
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith(indent + " ")):
        end += 1
    return "\n".join(lines[start:end])


def find_tests(sources):
    """Tests by the name under which the page knows them, from the texts of sources by their paths."""
    tests = defaultdict(list)
    for path, text in sources.items():
        is_python = path.endswith(".py")
        lines = text.splitlines()
        for number, line in enumerate(lines):
            found = (PYTHON_TEST if is_python else CPP_TEST).match(line)
            if not found:
                continue
            name = f"{Path(path).name}::{found.group(2)}" if is_python else f"{found.group(1)}.{found.group(2)}"
            indent = found.group(1) if is_python else ""
            tests[name].append(Test(path, number + 1, block(lines, number, indent)))
    return tests


def read_rows(page):
    """Rows of the page's tables, and what is no row."""
    rows, problems = [], []
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith("|"):
            continue
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if cells == COLUMNS or all(re.fullmatch("-+", cell) for cell in cells):
            continue
        item = re.match(r"[BS]\d+\b", cells[0])
        if item is None or len(cells) != len(COLUMNS):
            problems.append(f"{PAGE}:{number}: not a row of {len(COLUMNS)} columns that begins with a number")
        else:
            rows.append(Row(number, item.group(), cells))
    return rows, problems


def check_row(row, tests):
    if row.cells[0] == row.item or not all(row.cells):
        yield f"{row.item} has an empty place"
    if row.reason() and not REASON.match(row.reason()):
        yield f"{row.item} has '{row.reason()}' among its tests: name tests in backticks, or write decision: or open:"
    for name in row.tests():
        if name not in tests:
            yield f"{row.item} names {name}, which is no test"
        elif not any(test.names(row.item) for test in tests[name]):
            where = ", ".join(f"{test.path}:{test.line}" for test in tests[name])
            yield f"{row.item} names {name}, which does not name it: write // {row.item} at {where}"


def check_marks(rows, tests):
    """No test claims an item that the page does not give to it."""
    given = {(name, row.item) for row in rows for name in row.tests()}
    for name, namesakes in tests.items():
        for test in namesakes:
            mark = MARK.search(test.source.splitlines()[0])
            for item in mark.group(1).split(", ") if mark else []:
                if (name, item) not in given:
                    yield f"{test.path}:{test.line}: {name} says {item}, but is not named there in {PAGE}"


def check(page, sources, expected):
    rows, problems = read_rows(page)
    tests = find_tests(sources)
    counts = Counter(row.item for row in rows)
    problems += [f"{PAGE}:1: {item} is missing" for item in sorted(expected - counts.keys())]
    for row in rows:
        found = list(check_row(row, tests))
        if row.item not in expected:
            found.append(f"{row.item} is not in the catalogue")
        if counts[row.item] > 1:
            found.append(f"{row.item} is there {counts[row.item]} times")
        problems += [f"{PAGE}:{row.line}: {problem}" for problem in found]
    return problems + list(check_marks(rows, tests))


def read_sources(root):
    paths = [path for suffix in ("*.cc", "*.h", "*_test.py") for path in (root / "tests").rglob(suffix)]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in sorted(paths)}


class RepositoryTest(unittest.TestCase):
    root = Path(__file__).resolve().parents[2]

    def test_every_item_has_its_row_and_its_tests(self):
        problems = check((self.root / PAGE).read_text(encoding="utf-8"), read_sources(self.root), catalogue(CATALOGUE))
        for problem in problems:
            print(problem)
        self.assertEqual(len(problems), 0, "problems in the page or the tests that it names")


HEAD = "Words.\n\n| item | in Baton | test |\n| --- | --- | --- |\n"
GOOD_ROWS = {
    "B1": "| B1 queue | kept | `QueueTest.Keeps`, `one_test.py::test_keeps` |",
    "B2": "| B2 poll | none | decision: the broker pushes |",
    "S4": "| S4 two tasks | both run | `QueueTest.RunsBoth` |",
}
GOOD_SOURCES = {
    "tests/unit/queue_test.cc": "TEST_F(QueueTest, Keeps) {  // B1\n  Do();\n}\n\n"
                                "TEST(QueueTest, RunsBoth) { Do(); }  // S4\nTEST(QueueTest, Other) {\n  // B7\n}\n",
    "tests/process/one_test.py": "class A:\n\n    def test_keeps(self):  # B1\n        pass\n\n    def other(self):\n",
}  # yapf: disable


class CheckTest(unittest.TestCase):
    """The check finds what is wrong, at the right place, and leaves a good page alone."""

    def check(self, rows=None, sources=None):
        lines = {**GOOD_ROWS, **(rows or {})}.values()
        page = HEAD + "".join(line + "\n" for line in lines if line is not None)
        return check(page, {**GOOD_SOURCES, **(sources or {})}, catalogue({"B": "1-2", "S": "4"}))

    def check_finds(self, problems, place, words):
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(place + ": "), problems)
        for word in words:
            self.assertIn(word, problems[0])

    def test_a_good_page_has_no_problems(self):
        self.assertEqual(self.check(), [])

    def test_each_bad_row_is_found_where_it_is(self):
        for row, words in [
            ("| B2 poll | none | `QueueTest.Gone` |", ["QueueTest.Gone", "no test"]),
            ("| B2 poll | none | `two_test.py::test_keeps` |", ["two_test.py::test_keeps", "no test"]),
            ("| B2 poll | none | `QueueTest.Other` |", ["does not name it", "tests/unit/queue_test.cc:6"]),
            ("| B2 poll | none | QueueTest.Keeps |", ["'QueueTest.Keeps'", "backticks"]),
            ("| B2 poll | none | decision: |", ["'decision:'"]),
            ("| B2 poll | none |  |", ["empty place"]),
            ("| B2 poll |  | open: all of it |", ["empty place"]),
            ("| B2 | none | open: all of it |", ["empty place"]),
            ("| B2 poll | none | open: all of it |\n| C3 | | |", ["not a row"]),
            ("| B2 poll | none | open: all of it |\n| B3 more | none | open: all of it |", ["not in the catalogue"]),
        ]:
            with self.subTest(row=row):
                self.check_finds(self.check({"B2": row}), f"{PAGE}:{6 + row.count(chr(10))}", words)

    def test_a_missing_and_a_double_number(self):
        self.check_finds(self.check({"B2": None}), f"{PAGE}:1", ["B2 is missing"])
        twice = self.check({"again": GOOD_ROWS["B2"]})
        self.assertEqual(twice, [f"{PAGE}:{line}: B2 is there 2 times" for line in (6, 8)])

    def test_a_number_must_stand_alone(self):
        problems = self.check(sources={"tests/process/one_test.py": "    def test_keeps(self):  # B12\n        pass\n"})
        self.assertEqual(len(problems), 2, problems)
        self.assertIn("one_test.py::test_keeps, which does not name it", problems[0])
        self.assertIn("tests/process/one_test.py:1: one_test.py::test_keeps says B12", problems[1])

    def test_a_test_may_not_claim_what_the_page_does_not_give_it(self):
        marked = "TEST(OtherTest, Marked) {  // B1, S4\n}\n"
        problems = self.check(sources={"tests/unit/other_test.cc": marked})
        self.assertEqual(len(problems), 2, problems)
        self.assertTrue(problems[0].startswith("tests/unit/other_test.cc:1: OtherTest.Marked says B1"), problems)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        RepositoryTest.root = Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
