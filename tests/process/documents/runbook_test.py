#!/usr/bin/env python3
"""Each incident of deploy/RUNBOOK.md is brought about, and its commands tell and do what the page says."""

import errno
import os
import re
import subprocess
import unittest

from harness import program, run_program, wait_until
from host import HostTest
from player import ROOT, documents, plays


class RunbookTest(HostTest):

    document = "deploy/RUNBOOK.md"

    def start_mail_worker(self):
        worker = self.start_in_background("newsletter_worker")
        self.words["mail-9488ba20"] = self.words["ada-183be12f"]
        return worker

    def submit_slow(self, count=1):
        """Tasks that run for a minute."""
        ids = self.baton("submit", "render", "--data", "slow", "--count", str(count), "--quiet").out.split()
        return [int(task) for task in ids]

    def test_every_incident_is_played(self):
        self.check_every_section_is_played()
        self.assertEqual(len([title for title in self.sections if title]) - 1, 10)

    def test_every_alert_named_is_there(self):
        alerts = set(re.findall(r"alert: (\w+)", (ROOT / "deploy/alerts.yml").read_text()))
        named = set(re.findall(r"the alert (Baton\w+)", (ROOT / self.document).read_text()))
        self.assertGreater(len(named), 3)
        self.assertLessEqual(named, alerts)

    def test_every_setting_that_any_document_names_is_there(self):
        parts = re.split(r"^\[(\w+)\]$", run_program([program("BATOND"), "--print-config"]).out, flags=re.MULTILINE)
        known = {f"{name}.{key}" for name, body in zip(parts[1::2], parts[2::2])
                 for key in re.findall(r"^(\w+) =", body, re.MULTILINE)}  # yapf: disable
        names = "|".join(parts[1::2])
        count = 0
        for path, text in documents().items():
            named = set(re.findall(rf"`((?:{names})\.\w+)`", text))
            self.assertLessEqual(named, known, path)
            count += len(named)
        self.assertGreater(count, 20)

    def test_every_message_named_is_one_of_the_broker(self):
        text = (ROOT / self.document).read_text()
        named = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
        self.assertEqual(len(named), 6)
        sources = [path.read_text() for path in (ROOT / "broker").rglob("*.cc")]
        for message in named:
            known = message == os.strerror(errno.EADDRINUSE) or any(message in source for source in sources)
            self.assertTrue(known, message)

    @plays("Tasks wait although there are workers")
    def test_tasks_wait_although_there_are_workers(self):
        self.systemctl("start")
        self.start_mail_worker()
        self.baton("types", "pause", "send_mail", "--reason", "the mail server is down")
        self.submit("send_mail", {"to": "ada@example.org"})
        self.play("Tasks wait although there are workers")

    @plays("No worker has what a task needs")
    def test_no_worker_has_what_a_task_needs(self):
        self.systemctl("start")
        self.start_in_background("gpu_worker")
        self.baton("submit", "train", "--data", "model-7")
        self.play("No worker has what a task needs")

    @plays("A task kills its workers")
    def test_a_task_kills_its_workers(self):
        self.settings(workers={"grace": '"50ms"'})
        self.systemctl("start")
        task, = self.submit_slow()
        for attempt in range(1, 12):
            worker = self.start_mail_worker()
            wait_until(lambda number=attempt: self.get(task)["attempt"] == number, f"attempt {attempt} begins")
            worker.kill()
            wait_until(lambda: not self.workers(), "it is gone")
        self.play("A task kills its workers")

    @plays("A worker is frozen")
    def test_a_worker_is_frozen(self):
        self.settings(workers={"beat_interval": '"300ms"', "beat_window": '"2s"'})
        self.systemctl("start")
        worker = self.start_mail_worker()
        task, = self.submit_slow()
        wait_until(lambda: "its handler runs" in self.baton("explain", str(task)).out, "it runs")
        worker.freeze()
        # It has what it had for as long as it is not silent for too long.
        workers, attempts, kill, gone = self.sections["A worker is frozen"].steps()
        self.run_step(*workers, 0)
        wait_until(lambda: self.outcomes(task)[0][1] == "INTERRUPTED", "it was taken away")
        self.run_step(*attempts, 0)
        self.run_step(*kill, 0)
        wait_until(lambda: not self.workers(), "it is gone")
        self.run_step(*gone, 0)

    @plays("The disk is full")
    def test_the_disk_is_full(self):
        # More than any disk has.
        self.settings(storage={"reserve_bytes": '"16384GiB"'})
        self.systemctl("start")
        self.play("The disk is full", codes={"baton submit hello": 5})

    @plays("The broker does not start")
    def test_the_broker_does_not_start(self):
        self.configuration.write_text(f'[server]\nlissten = "{self.address}"\n')
        first, *others = self.sections["The broker does not start"].steps()
        self.run_step(*first, 1)
        for step in others:
            self.run_step(*step, 0)

    @plays("The store is damaged")
    def test_the_store_is_damaged(self):
        self.systemctl("start")
        self.start_in_background("gpu_worker")
        for _ in range(2):
            self.wait_for_end(self.submit("clean", "room"))
        self.systemctl("stop")
        subprocess.run([program("DAMAGE_STORE"), self.data, "end", "1"], check=True)
        self.play("The store is damaged", codes={"sudo batond verify /var/lib/baton --repair": 0,
                                                   "sudo batond verify /var/lib/baton": 1, "baton get 1": 3})
        self.assertEqual(self.get(2)["state"], "COMPLETED")

    @plays("The backlog grows")
    def test_the_backlog_grows(self):
        self.systemctl("start")
        self.start_mail_worker()
        tasks = self.submit_slow(5)
        for task in tasks[:2]:
            self.wait_for_state(task, "RUNNING")
        # What is counted in slots is published now and then.
        wait_until(lambda: "slots taken  2 of 20" in self.baton("stats").out, "both slots are shown")
        self.play("The backlog grows")
        self.assertEqual([self.get(task)["state"] for task in tasks], ["RUNNING"] * 2 + ["CANCELLED"] * 3)

    @plays("Something was done twice")
    def test_something_was_done_twice(self):
        self.settings(workers={"grace": '"50ms"'})
        self.systemctl("start")
        task, = self.submit_slow()
        for attempt in (1, 2):
            worker = self.start_mail_worker()
            wait_until(lambda number=attempt: self.get(task)["attempt"] == number, f"attempt {attempt} begins")
            if attempt == 1:
                worker.kill()
                wait_until(lambda: not self.workers(), "it is gone")
        self.play("Something was done twice")

    @plays("A schedule did not fire")
    def test_a_schedule_did_not_fire(self):
        self.systemctl("start")
        self.start_mail_worker()
        self.baton("schedule", "create", "nightly", "0 0 1 1 *", "send_mail", "--json", '{"to": "nobody"}')
        self.baton("schedule", "trigger", "nightly")
        wait_until(lambda: "PAUSED" in self.baton("schedule", "show", "nightly").out, "it is paused")
        self.play("A schedule did not fire")


if __name__ == "__main__":
    unittest.main()
