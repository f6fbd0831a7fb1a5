#!/usr/bin/env python3
"""Reading documents, and comparing what they show with what is printed."""

import unittest

from documents import commands, difference, sections, session

TEXT = """# Title

    first --option \\
        value   # why
    second

## Sessions

Text.

```console
$ one
a line
$ two <<'END'
input
END
```

```json baton.v1.Error
{}
```
"""


class DocumentsTest(unittest.TestCase):

    def test_sections_have_their_blocks(self):
        found = sections(TEXT)
        self.assertEqual(list(found), ["", "Title", "Sessions"])
        self.assertEqual([block.kind for block in found["Sessions"].blocks], ["console", "json baton.v1.Error"])
        self.assertEqual([step for step, _ in found["Title"].steps()], ["first --option      value", "second"])
        self.assertEqual(list(found["Sessions"].steps()), [("one", ["a line"]), ("two <<'END'\ninput\nEND", [])])
        with self.assertRaises(ValueError):
            sections("# A\n# A\n")

    def test_commands_keep_here_documents_and_lose_comments(self):
        self.assertEqual(commands("# all\na 'b#c'  # d\n\nx <<'E'\n# in\nE\ny"), ["a 'b#c'", "x <<'E'\n# in\nE", "y"])
        self.assertEqual(list(session("$ a \\\n  b\nprinted\n")), [("a    b", ["printed"])])

    def test_commands_may_have_several_lines_within_quotes(self):
        self.assertEqual(commands("x '{\n# in\n}' y\nz"), ["x '{\n# in\n}' y", "z"])
        steps = list(session("$ x '{\n}' \\\n  y\nprinted\n$ z\n"))
        self.assertEqual(steps, [("x '{\n}'    y", ["printed"]), ("z", [])])

    def test_what_is_shown_stands_for_what_is_printed(self):
        for shown, printed in [
            (["task 42  is done"], "task 42 is   done\n"),
            (["took 1.2s, 3 MiB"], "took 900ms, 17.5 MiB"),
            (["2026-01-01 10:00:00.123  CREATED"], "2027-02-03 04:05:06.789  CREATED"),
            (["a ... z"], "a b c z"),
            (["...", "last"], "x\ny\nlast"),
            (["first", "..."], "first\nx\ny"),
            ([], ""),
        ]:
            self.assertIsNone(difference(shown, printed), (shown, printed))

    def test_what_differs_is_told(self):
        for shown, printed in [
            (["task 42"], "task 43"),
            (["state PENDING"], "state RUNNING"),
            (["one"], "one\ntwo"),
            (["one", "two"], "one"),
            (["...", "last"], "x\ny"),
            (["took 1.2s"], "took long"),
            ([], "something"),
        ]:
            self.assertIsNotNone(difference(shown, printed), (shown, printed))


if __name__ == "__main__":
    unittest.main()
