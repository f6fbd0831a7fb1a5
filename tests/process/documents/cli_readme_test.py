#!/usr/bin/env python3
"""What client_cli/README.md shows: each command is run, and prints what it says."""

import json
import shlex
import unittest

from harness import wait_until
from player import DocumentTest, plays


class CliReadmeTest(DocumentTest):

    document = "client_cli/README.md"

    def setUp(self):
        super().setUp()
        self.configuration.write_text(f'[backup]\ndirectory = "{self.folder}/backups"\n')
        self.words["/var/backups/baton"] = self.folder / "backups"
        self.start_in_background(f"batond --config {self.configuration} --data-dir {self.data}")

    def start_mail_worker(self):
        self.start_in_background("newsletter_worker")
        self.words["mail-9488ba20"] = self.words["ada-183be12f"]

    def submit_mails(self, *recipients):
        for recipient in recipients:
            self.submit("send_mail", {"to": recipient}, "--tag", "batch-7")

    def make_all_kinds(self):
        """Tasks 1 to 4: mails, two of which have failed; 5: a newsletter that waits for approval, with its child 6; 7:
        what no worker can run; 8: what runs."""
        self.start_mail_worker()
        self.start_in_background("gpu_worker")
        self.submit_mails("ada@example.org", "nobody", "grace@example.org", "alan")
        self.wait_for_state(self.submit("newsletter", {"to": ["ada@example.org"]}), "SUSPENDED")
        wait_until(lambda: self.baton("approvals", "-o", "json").json(), "it waits for approval")
        self.submit("train", "model-7")
        self.baton("submit", "render", "--data", "slow")
        wait_until(lambda: "its handler runs" in self.baton("explain", "8").out, "a beat has told that it runs")

    def test_every_section_is_played(self):
        self.check_every_section_is_played()

    @plays("The command line")
    def test_output_for_programs(self):
        (command, _), = self.sections["The command line"].steps()
        self.assertTrue(command.endswith(" | jq .id"), command)
        self.start_mail_worker()
        self.submit_mails("nobody", "alan")
        self.wait_for_end(2, "PERMANENTLY_FAILED")
        self.assertEqual([task["id"] for task in self.baton(*shlex.split(command.split(" | ")[0])[1:]).json_lines()],
                         [2, 1])

    @plays("How is it going?")
    def test_how_is_it_going(self):
        self.make_all_kinds()
        self.play("How is it going?")

    @plays("What is stuck, and why?")
    def test_what_is_stuck(self):
        self.make_all_kinds()
        self.play("What is stuck, and why?")

    @plays("What failed?")
    def test_what_failed(self):
        self.make_all_kinds()
        self.play("What failed?")

    @plays("Do it again")
    def test_do_it_again(self):
        self.start_mail_worker()
        self.submit_mails("ada@example.org", "nobody", "grace@example.org", "alan")
        for task in (2, 4):
            self.wait_for_end(task, "PERMANENTLY_FAILED")
        self.play("Do it again", before={"baton bulk retry": lambda: self.wait_for_end(2, "PERMANENTLY_FAILED")})

    @plays("Hold something back")
    def test_hold_something_back(self):
        self.submit_mails("ada@example.org")
        self.play("Hold something back")

    @plays("Take a worker away")
    def test_take_a_worker_away(self):
        self.start_mail_worker()
        self.play("Take a worker away")
        self.assertEqual(self.processes[-1].wait(), 0)

    @plays("Watch")
    def test_watch(self):
        self.words["42"] = self.submit("send_mail", {"to": "nobody"})
        self.words["token"] = self.folder / "token"
        self.words["token"].write_text("")
        one, changes, program, restarted = [self.start_in_background(self.here(command))
                                 for command, _ in self.sections["Watch"].steps()]  # yapf: disable
        wait_until(lambda: "PENDING" in one.out() and "PENDING" in changes.out(), "both tell what is there")
        self.start_mail_worker()
        self.assertEqual(one.wait(), 1, one.log())
        self.assertIn("PERMANENTLY_FAILED", one.out())
        wait_until(lambda: "PERMANENTLY_FAILED" in changes.out(), changes.out)
        wait_until(lambda: '"PERMANENTLY_FAILED"' in program.out(), program.out)
        self.assertEqual(program.out().count("\n"), 1)
        lines = wait_until(lambda: [json.loads(line) for line in restarted.out().splitlines()][-2:], restarted.out)
        self.assertEqual((lines[0].get("state"), set(lines[1])), ("PERMANENTLY_FAILED", {"resume_token"}), lines)

    @plays("Schedules")
    def test_schedules(self):
        self.play("Schedules")

    @plays("Back up")
    def test_back_up(self):
        self.play("Back up")

    @plays("Remove")
    def test_remove(self):
        self.start_mail_worker()
        self.submit_mails("ada@example.org", "nobody", "grace@example.org", "alan")
        for task in (2, 4):
            self.wait_for_end(task, "PERMANENTLY_FAILED")
        self.play("Remove", codes={"baton get 1": 3})


if __name__ == "__main__":
    unittest.main()
