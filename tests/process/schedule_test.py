#!/usr/bin/env python3
"""Schedules: from the command line, by the example, and over the death of the broker."""

import unittest
from datetime import datetime

from harness import Process, ProcessTest, program, run_program, wait_until


class ScheduleTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def schedule(self, *words):
        return self.baton("schedule", *words)

    def show(self, name):
        return self.schedule("show", name, "-o", "json").json()

    def test_the_commands_of_an_operator(self):
        created = self.schedule("create", "nightly", "30 2 * * *", "echo", "--json", '{"n": 1}', "--priority", "3",
                                "--time-zone", "Europe/Berlin").out
        self.assertRegex(created, r"Schedule nightly is stored\. It fires 2\d{3}-.*\(in .*\)\.")
        self.assertIn("is there already", self.schedule("create", "nightly", "30 2 * * *", "echo", "--json",
                                                        '{"n": 1}', "--priority", "3", "--time-zone",
                                                        "Europe/Berlin").out)
        refused = self.schedule_fails("create", "nightly", "@daily", "echo")
        self.assertIn("defined differently", refused.err)
        self.assertIn("BAD_CRON", self.schedule_fails("create", "x", "61 * * * *", "echo").err)
        self.assertIn("Mars/Olympus", self.schedule_fails("preview", "@daily", "--time-zone", "Mars/Olympus").err)
        listed = self.schedule("list", "-o", "jsonl").json_lines()
        self.assertEqual([(one["definition"]["name"], one["state"]) for one in listed], [("nightly", "ACTIVE")])
        self.assertRegex(self.schedule("list").out, r"nightly\s+ACTIVE\s+.*30 2 \* \* \*\s+Europe/Berlin\s+echo")
        shown = self.schedule("show", "nightly").out
        self.assertEqual(shown.count("\nnext "), 5, shown)
        self.assertIn('{"n":1}', shown)
        self.schedule("pause", "nightly", "--reason", "holidays")
        self.assertRegex(self.schedule("show", "nightly").out, r"paused\s+by local .*: holidays")
        triggered = self.schedule("trigger", "nightly", "-o", "json").json()
        self.assertEqual(self.get(triggered["task_id"])["schedule"], "nightly")
        self.assertIn("SCHEDULE_BUSY", self.schedule_fails("trigger", "nightly").err)
        self.schedule("resume", "nightly")
        self.assertEqual(self.show("nightly")["state"], "ACTIVE")
        self.schedule("delete", "nightly")
        self.assertIn("SCHEDULE_NOT_FOUND", self.schedule_fails("show", "nightly").err)
        preview = self.schedule("preview", "30 2 * * *", "--time-zone", "Europe/Berlin", "--after",
                                "2026-03-28T00:00:00Z", "--count", "2").out
        self.assertIn("Sat 2026-03-28 02:30:00 +01:00", preview)
        self.assertIn("Sun 2026-03-29 03:30:00 +02:00", preview)

    def schedule_fails(self, *words):
        answer = run_program([program("BATON"), "schedule", *words], {"BATON_BROKER": self.broker.address})
        self.assertNotEqual(answer.code, 0, answer.out)
        return answer

    def test_the_example_makes_its_schedule_and_runs_what_it_fires(self):
        environment = {"BATON_BROKER": self.broker.address, "REPORT_CRON": "* * * * * *"}
        example = Process(self.folder, "scheduled_report", [program("SCHEDULED_REPORT")], environment)
        self.processes.append(example)
        wait_until(lambda: example.out().count("report of ") >= 2, example.log)
        self.assertRegex(example.out(), r"report of \d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00")
        self.assertEqual(example.terminate(), 0)
        # Another one finds the schedule as it is.
        again = Process(self.folder, "scheduled_report_2", [program("SCHEDULED_REPORT")], environment)
        self.processes.append(again)
        wait_until(lambda: "report of " in again.out(), again.log)

    def test_nothing_fires_twice_or_is_lost_when_the_broker_dies(self):  # S21
        self.schedule("create", "tick", "* * * * * *", "echo", "--json", "1", "--overlap", "allow", "--catch-up", "all",
                      "--catch-up-limit", "1000", "--keep-going")
        for _ in range(3):
            fired = self.show("tick")["fired"]
            wait_until(lambda: self.show("tick")["fired"] >= fired + 2, "it fires")
            self.broker.kill()
            self.start_broker()
        fired = self.show("tick")["fired"]
        wait_until(lambda: self.show("tick")["fired"] >= fired + 2, "it fires")
        self.schedule("pause", "tick")
        shown = self.show("tick")
        tasks = self.baton("list", "--limit", "0", "-o", "jsonl").json_lines()
        instants = sorted(datetime.fromisoformat(task["scheduled_at"].replace("Z", "+00:00")) for task in tasks)
        self.assertEqual(len(instants), shown["fired"])
        gaps = {(later - earlier).total_seconds() for earlier, later in zip(instants, instants[1:])}
        self.assertEqual(gaps, {1.0}, "every second once")


if __name__ == "__main__":
    unittest.main()
