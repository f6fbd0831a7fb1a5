#!/usr/bin/env python3
"""The kill loop in its short form; kill_loop.py --kills N goes on for longer."""

import random
import unittest

from kill_loop import run_kill_loop


class KillLoopTest(unittest.TestCase):

    def test_what_was_acknowledged_survives_kills(self):  # B102, B206, B207
        summary = run_kill_loop(seed=random.SystemRandom().randrange(1_000_000), kills=5)
        print(summary)
        # It was a test of something, however busy the machine: an idle one does thousands.
        self.assertGreaterEqual(summary["broker kills"], 5)
        self.assertGreaterEqual(summary["worker kills"], 10)
        self.assertGreater(summary["outcomes_acknowledged"], 100)
        for name in ("kills of a starting broker", "kills of a draining broker", "outcomes_refused", "repeats",
                     "forgeries", "reports_acknowledged"):
            self.assertGreater(summary.get(name, 0), 0, name)


if __name__ == "__main__":
    unittest.main()
