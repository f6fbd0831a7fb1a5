#!/usr/bin/env python3
"""The events that the simulation requires and the engine agree: every reason with which the engine refuses something is
met by the simulation, or is exempt from it and tested elsewhere; and nothing is required that no longer exists.

Usage: reasons_test.py [REPOSITORY]. Prints one `file:line: what is wrong` for each problem.
"""

import re
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path

ENGINE = "broker/engine/"
FACTORIES = "broker/base/error.h"
REQUIRED = "tests/simulation/required.cc"
SELF = "tests/repository/reasons_test.py"


@dataclass(frozen=True)
class Exemption:
    why: str  # Why the simulation cannot meet it.
    test: str  # The test that does.


EXEMPT = {
    "BAD_SCHEDULE":
        Exemption("a zone goes from the machine's database, or a stored row goes bad: neither befalls a simulation",
                  "tests/unit/engine/schedules_late_test.cc"),
    "STORE_DAMAGED":
        Exemption("a stored row goes bad: the simulation's disk loses commits, but alters nothing",
                  "tests/unit/engine/set_aside_test.cc"),
    "TOO_MANY_TYPES":
        Exemption("the limit is 100'000 and no setting: no simulation makes so many",
                  "tests/unit/engine/classes_test.cc"),
}  # yapf: disable

# String and character literals, which are kept, and comments, which are not.
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)\'|//[^\n]*')
FACTORY = re.compile(r"^inline Error (\w+)\(const char\* reason\b", re.MULTILINE)
# `Call: REASON`, and perhaps more words.
ENTRY = re.compile(r'"[A-Z][A-Za-z ]*: ([A-Z][A-Z0-9_]+)\b[^"\n]*"')
# What a call that went well is counted as.
NO_REASON = "OK"


def code_of(text):
    """The text without its comments, line by line."""
    return TOKEN.sub(lambda found: "" if found.group().startswith("//") else found.group(), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def engine_reasons(sources):
    """Where each reason of the engine is given first, and what is wrong with how some are given."""
    places, problems = {}, []
    factories = FACTORY.findall(sources.get(FACTORIES, ""))
    if not factories:
        return places, [f"{FACTORIES}:1: no factory of errors is found: bring FACTORY in {SELF} up to date"]
    # An error is made by a factory, or from its code and reason, or is given a reason later.
    given = re.compile(rf"\b(?:{'|'.join(factories)})\(\s*(\S+)|"
                       r"\bStatusCode::k\w+,\s*(\S+)|\.reason\s*=\s*(\"\S+)")
    for path in sorted(path for path in sources if path.startswith(ENGINE)):
        code = code_of(sources[path])
        for found in given.finditer(code):
            place = f"{path}:{line_of(code, found.start())}"
            reason = re.match(r'"([A-Z][A-Z0-9_]*)"', next(filter(None, found.groups())))
            if reason:
                places.setdefault(reason.group(1), place)
            else:
                problems.append(f"{place}: the reason of an error must be an upper-case literal")
    if not places:
        problems.append(f"{ENGINE}:1: no reason is found in the engine")
    return places, problems


def required_reasons(text):
    """The line where each reason is required first."""
    code, lines = code_of(text), {}
    for found in ENTRY.finditer(code):
        if found.group(1) != NO_REASON:
            lines.setdefault(found.group(1), line_of(code, found.start(1)))
    return lines


def check_exemption(reason, exemption, places, required, sources):
    if reason not in places:
        yield f"{reason} is exempt, but the engine does not give it: take it out"
    if reason in required:
        yield f"{reason} is exempt, but required at {REQUIRED}:{required[reason]}: take it out"
    test = exemption.test
    if not re.fullmatch(r"tests/(?!simulation/).*_test\.(cc|py)", test) or test not in sources:
        yield f"{reason} is exempt, but {test} is no test"
    elif f'"{reason}"' not in code_of(sources[test]):
        yield f"{reason} is exempt, but {test} does not name it"


def check(sources, exempt):
    """Problems, from the texts of sources by their paths."""
    places, problems = engine_reasons(sources)
    required = required_reasons(sources[REQUIRED])
    if not required:
        problems.append(f"{REQUIRED}:1: no `Call: REASON` is found")
    for reason, place in sorted(places.items()):
        if reason not in required and reason not in exempt:
            problems.append(f"{place}: {reason} is neither required in {REQUIRED} nor exempt in {SELF}: make the "
                            "simulation meet it, or say why it cannot, and which test does")
    broker = "\n".join(code_of(text) for path, text in sources.items() if path.startswith("broker/"))
    for reason, line in required.items():
        if f'"{reason}"' not in broker:
            problems.append(f"{REQUIRED}:{line}: {reason} is outdated: nothing in broker/ gives it")
    for reason, exemption in exempt.items():
        problems += [f"{SELF}:1: {text}" for text in check_exemption(reason, exemption, places, required, sources)]
    return problems


def read_sources(root):
    globs = ("broker/**/*.cc", "broker/**/*.h", "tests/**/*_test.cc", "tests/**/*_test.py", REQUIRED)
    paths = sorted(path for glob in globs for path in root.glob(glob))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


class RepositoryTest(unittest.TestCase):
    root = Path(__file__).resolve().parents[2]

    def test_every_reason_of_the_engine_is_required_or_tested_elsewhere(self):
        problems = check(read_sources(self.root), EXEMPT)
        for problem in problems:
            print(problem)
        self.assertEqual(len(problems), 0, "problems in what the simulation requires")


TEST = "tests/unit/engine/late_test.cc"
GOOD = {
    FACTORIES: "inline Error NotFound(const char* reason, std::string message) {\n"
               "inline Error Aborted(const char* reason, std::string message) {\n",
    "broker/engine/a.cc": '// NotFound("SAID_ONLY", ...)\nreturn NotFound("GONE", Cat("no // task"));\n'
                          '  return Aborted(\n      "OVER", "late");\n',
    "broker/engine/deep/b.h": 'return {absl::StatusCode::kDataLoss, "RARE", "bad"};\ncommand.reason = reason;\n',
    "broker/service/c.cc": 'return NotFound("TOO_LARGE", "cut it");\n',
    REQUIRED: '    "PENDING -DONE-> ENDED",\n    "Get: GONE",\n    "Get: OK",\n    "Hello: verdict 1",\n'
              '    "Submit call: OVER by far",\n    "Get: TOO_LARGE",\n',
    TEST: 'ErrorIs(kDataLoss, "RARE")\n// "GONE"\n',
}  # yapf: disable
EXEMPT_RARE = {"RARE": Exemption("no disk is so bad", TEST)}


class CheckTest(unittest.TestCase):
    """The check finds what is wrong, at the right place, and leaves good sources alone."""

    def check_finds(self, place, words, changes=None, exempt=None):
        problems = check({**GOOD, **(changes or {})}, EXEMPT_RARE if exempt is None else exempt)
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(place + ": "), problems)
        self.assertIn(words, problems[0])

    def without(self, entry):
        return {REQUIRED: GOOD[REQUIRED].replace(f'    "{entry}",\n', "")}

    def test_good_sources_have_no_problems(self):
        self.assertEqual(check(GOOD, EXEMPT_RARE), [])

    def test_a_reason_that_is_not_required(self):
        self.check_finds("broker/engine/a.cc:2", "GONE is neither required", self.without("Get: GONE"))
        self.check_finds("broker/engine/a.cc:3", "OVER is neither required", self.without("Submit call: OVER by far"))
        self.check_finds("broker/engine/deep/b.h:1", "RARE is neither required", exempt={})
        given_later = {"broker/engine/d.cc": 'error.reason = "LATER";\n'}
        self.check_finds("broker/engine/d.cc:1", "LATER is neither required", given_later)

    def test_an_entry_in_a_comment_requires_nothing(self):
        changes = {REQUIRED: GOOD[REQUIRED].replace('    "Get: GONE"', '    // "Get: GONE"')}
        self.check_finds("broker/engine/a.cc:2", "GONE is neither required", changes)

    def test_a_reason_that_cannot_be_read(self):
        for code in ("\nreturn NotFound(reason, text);", "\nreturn {StatusCode::kAborted, why, text};",
                     '\nreturn NotFound("gone", text);'):
            with self.subTest(code=code):
                self.check_finds("broker/engine/d.cc:2", "upper-case literal", {"broker/engine/d.cc": code})

    def test_an_outdated_entry(self):
        said_only = {"broker/service/c.cc": '// "TOO_LARGE"\n'}
        self.check_finds(f"{REQUIRED}:6", "TOO_LARGE is outdated", said_only)

    def test_an_exemption_that_is_not_needed(self):
        required = {REQUIRED: GOOD[REQUIRED] + '    "Get: RARE",\n'}
        self.check_finds(f"{SELF}:1", f"RARE is exempt, but required at {REQUIRED}:7", required)
        gone = {"broker/engine/deep/b.h": ""}
        self.check_finds(f"{SELF}:1", "RARE is exempt, but the engine does not give it", gone)

    def test_an_exemption_without_its_test(self):
        for test, words in [
            ("tests/unit/engine/gone_test.cc", "is no test"),
            (REQUIRED, "is no test"),
            ("broker/engine/deep/b.h", "is no test"),
            ("tests/unit/other_test.cc", "does not name it"),
            ("tests/unit/said_only_test.cc", "does not name it"),
        ]:
            with self.subTest(test=test):
                others = {"tests/unit/other_test.cc": '"RARE_TOO"\n', "tests/unit/said_only_test.cc": '// "RARE"\n'}
                self.check_finds(f"{SELF}:1", words, others, {"RARE": Exemption("no disk is so bad", test)})

    def test_what_finds_nothing_says_so(self):
        problems = check({**GOOD, FACTORIES: "", REQUIRED: ""}, {})
        self.assertEqual([problem.split(": ")[0] for problem in problems], [f"{FACTORIES}:1", f"{REQUIRED}:1"])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        RepositoryTest.root = Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
