#!/usr/bin/env python3
"""Each rule of hygiene.py finds what it is for, at the right place, and leaves good code alone."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import hygiene

GOOD = {
    "CMakeLists.txt": "",
    "CMakePresets.json": "{}",
    "README.md": "# Baton\n" + "long " * 100,
    ".ci/run": "#!/bin/sh\n",
    ".clang-format": "",
    ".clang-tidy": "",
    ".gitignore": "/build/\n*.swp\n",
    "build/release/junk.cc": "sleep_for(1);",
    "proto/baton/v1/task.proto": "// …\n" * 900,
    "broker/main.cc": '#include "broker/server/server.h"\nstd::cout << 1;\n',
    "broker/base/clock.cc": "std::chrono::system_clock::now();\n",
    "broker/storage/rocks.cc": '#include <rocksdb/db.h>\n#include "store.h"\n',
    "broker/storage/store.h": '#include "broker/base/clock.h"\n',
    "broker/base/clock.h": "",
    "broker/server/server.h": '#include <grpcpp/grpcpp.h>\n#include "baton/v1/broker.grpc.pb.h"\n',
    "worker_sdk/test_kit/kit.cc": '#include "broker/engine/engine.h"\n',
    "worker_sdk/src/system_clock.cc": "std::chrono::steady_clock::now();\n",
    "client_cli/main.cc": "#include <grpcpp/grpcpp.h>\nstd::cout << 1;\n",
    "tests/CMakeLists.txt": "foreach(folder unit/sdk process)\n",
    "tests/unit/sdk/CMakeLists.txt": "baton_test(good_test good_test.cc)\n",
    "tests/unit/sdk/good_test.cc": "",
    "deploy/demo": "#!/bin/sh\nmktemp -d /tmp/baton.XXXXXX\nsleep 1\n",
}


class HygieneTest(unittest.TestCase):

    def check(self, changes):
        """Findings as `path:line: rule` in the good tree with `changes`; None as a content removes the file."""
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, text in {**GOOD, **changes}.items():
                if text is not None:
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / path).write_text(text, encoding="utf-8")
            return [f"{finding.path}:{finding.line}: {finding.rule}" for finding in hygiene.check_repository(root)]

    def test_a_good_tree_has_no_findings(self):
        self.assertEqual(self.check({}), [])

    def test_each_bad_line_is_found_where_it_is(self):
        table = [
            ("broker/base/a.cc", "\nstd::this_thread::sleep_for(x);", "sleep"),
            ("tests/process/a.cc", "\n  usleep(5);", "sleep"),
            ("worker_sdk/src/a.cc", "\nabsl::SleepFor(x);", "sleep"),
            ("broker/engine/a.cc", "\nauto now = std::chrono::steady_clock::now();", "clock"),
            ("worker_sdk/src/a.h", "\nauto now = absl::Now();", "clock"),
            ("tests/unit/engine/a.cc", "\nstd::chrono::system_clock::now();", "clock"),
            ("broker/server/a.cc", "\nstop_.WaitForNotificationWithTimeout(x);", "wall-clock"),
            ("broker/engine/a.cc", "\nwhile (mu.AwaitWithDeadline(c, x)) {", "wall-clock"),
            ("broker/server/a.cc", "\nstd::cout << 1;", "stdout"),
            ("broker/server/a.cc", '\nstd::printf("x");', "stdout"),
            ("broker/engine/a.cc", "\n// TO" "DO: later", "leftover"),
            ("README.md", "\nFIX" "ME", "leftover"),
            ("deploy/demo", "\n# X" "XX", "leftover"),
            ("broker/base/a.cc", "\n" + "x" * 121, "columns"),
            ("tests/unit/sdk/CMakeLists.txt", "baton_test(good_test good_test.cc)\n#" + "x" * 120, "columns"),
            ("broker/base/a.h", '\n#include "broker/storage/store.h"', "include"),
            ("broker/storage/a.h", '\n#include "../engine/engine.h"', "include"),
            ("broker/storage/a.h", '\n#include "broker/main.h"', "include"),
            ("broker/engine/a.cc", "\n#include <grpcpp/grpcpp.h>", "include"),
            ("broker/engine/a.cc", '\n#include "baton/v1/broker.grpc.pb.h"', "include"),
            ("broker/engine/a.cc", "\n  #  include <rocksdb/db.h>", "include"),
            ("broker/main.cc", "\n#include <rocksdb/db.h>", "include"),
            ("broker/odd/a.cc", '\n#include "broker/base/clock.h"', "include"),
            ("broker/server/a.cc", '\n#include "worker_sdk/src/session.h"', "include"),
            ("worker_sdk/src/a.cc", '\n#include "broker/base/clock.h"', "include"),
            ("worker_sdk/src/a.cc", '\n#include "../../broker/base/clock.h"', "include"),
            ("client_cli/a.cc", '\n#include "broker/base/clock.h"', "include"),
            ("client_cli/a.cc", "\n#include <rocksdb/db.h>", "include"),
        ]  # yapf: disable
        for path, text, rule in table:
            with self.subTest(path=path, text=text):
                self.assertEqual(self.check({"broker/engine/engine.h": "", path: text}), [f"{path}:2: {rule}"])

    def test_comments_strings_and_granted_exceptions_are_left_alone(self):
        for text in (
                "// never call sleep_for() here",
                'Log("usleep(1) failed");',
                "usleep(1);  // hygiene: allow sleep: the kernel offers nothing to wait on",
        ):
            with self.subTest(text=text):
                self.assertEqual(self.check({"broker/base/a.cc": text}), [])

    def test_an_exception_needs_the_right_rule_and_a_reason(self):
        for comment in ("hygiene: allow clock: wrong rule", "hygiene: allow sleep:", "hygiene: allow"):
            with self.subTest(comment=comment):
                self.assertEqual(self.check({"broker/base/a.cc": f"usleep(1);  // {comment}"}),
                                 ["broker/base/a.cc:1: sleep"])

    def test_long_files(self):
        self.assertEqual(self.check({"broker/base/a.cc": "\n" * 400}), [])
        self.assertEqual(self.check({"broker/base/a.cc": "\n" * 401}), ["broker/base/a.cc:401: length"])
        self.assertEqual(self.check({"deploy/demo": "#!/bin/sh\n" * 401}), ["deploy/demo:401: length"])
        self.assertEqual(self.check({"proto/a.proto": "\n" * 901}), ["proto/a.proto:901: length"])

    def test_top_level_is_exact(self):
        self.assertEqual(self.check({"notes.txt": ""}), ["notes.txt:1: layout"])
        self.assertEqual(self.check({"docs/a.md": ""}), ["docs:1: layout"])
        self.assertEqual(self.check({".clang-tidy": None}), [".clang-tidy:1: layout"])

    def test_unregistered_tests(self):
        self.assertEqual(self.check({"tests/unit/sdk/od_test.cc": ""}), ["tests/unit/sdk/od_test.cc:1: registration"])
        self.assertEqual(self.check({"tests/unit/sdk/deep/good_test.cc": ""}),
                         ["tests/unit/sdk/deep/good_test.cc:1: registration"])
        self.assertEqual(self.check({"tests/CMakeLists.txt": "# unit/sdk\n"}),
                         ["tests/unit/sdk/good_test.cc:1: registration"])
        self.assertEqual(self.check({"broker/base/hash_test.cc": ""}), ["broker/base/hash_test.cc:1: registration"])

    def test_the_program_prints_findings_and_fails(self):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as output:
            (Path(folder) / "notes.txt").write_text("")
            with mock.patch.object(sys, "argv", ["hygiene.py", folder]):
                self.assertEqual(hygiene.main(), 1)
        self.assertIn("notes.txt:1: layout: not part of the agreed top level", output.getvalue())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
