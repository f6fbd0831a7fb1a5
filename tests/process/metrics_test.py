#!/usr/bin/env python3
"""Metrics and health of a real broker over HTTP, what the page on metrics says of them, and the log."""

import json
import os
import re
import signal
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from harness import PATIENCE, ProcessTest, program, run_program, wait_until

SAMPLE = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def parse(text):
    """{(name, frozenset of labels): value} of all samples."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        found = SAMPLE.fullmatch(line)
        assert found, line
        key = (found["name"], frozenset(LABEL.findall(found["labels"] or "")))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(found["value"])
    return samples


class MetricsTest(ProcessTest):
    settings = {"metrics.address": "127.0.0.1:0", "metrics.types": 3, "workers.beat_interval": "200ms",
                "workers.beat_window": "1s", "workers.grace": "200ms"}

    def setUp(self):
        super().setUp()
        self.start_broker()

    def page(self, path, method="GET"):
        """(status, body)."""
        address = wait_until(lambda: re.search(r"metrics on (http://\S+)/metrics", self.broker.log()), "an address")[1]
        request = urllib.request.Request(address + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def scrape(self):
        status, text = self.page("/metrics")
        self.assertEqual(status, 200, text)
        return parse(text)

    def value(self, name, **labels):
        return self.scrape()[name, frozenset(labels.items())]

    def test_counters_tell_what_was_done(self):
        self.start_worker()
        total = 500
        self.baton("submit", "echo", "--json", "1", "--count", str(total), "--quiet")
        failed = self.submit("fail", {"times": 9}, "--max-retries", "3")
        self.wait_for_end(failed, "PERMANENTLY_FAILED")
        wait_until(lambda: self.value("baton_tasks_ended_total", type="echo", state="completed") == total,
                   "all tasks are counted")
        samples = self.scrape()

        def value(name, **labels):
            return samples[name, frozenset(labels.items())]

        self.assertEqual(value("baton_tasks_submitted_total", type="echo"), total)
        self.assertEqual(value("baton_attempts_started_total", type="echo"), total)
        self.assertEqual(value("baton_attempts_ended_total", type="echo", outcome="succeeded"), total)
        self.assertEqual(value("baton_tasks", type="echo", state="completed"), total)
        self.assertEqual(value("baton_queue_seconds_count", type="echo"), total)
        self.assertEqual(value("baton_run_seconds_bucket", type="echo", le="+Inf"), total)
        self.assertEqual(value("baton_attempts_ended_total", type="fail", outcome="failed"), 3)
        self.assertEqual(value("baton_attempts_retried_total", type="fail"), 2)
        self.assertEqual(value("baton_tasks_ended_total", type="fail", state="permanently_failed"), 1)
        self.assertEqual(value("baton_workers"), 1)
        self.assertEqual(value("baton_slots"), 4)
        self.assertEqual(value("baton_open_streams", method="Claim"), 1)
        self.assertEqual(value("baton_follower_lag_commits"), 0)
        # Tasks of one call share a commit, and nothing is acknowledged without one.
        self.assertGreaterEqual(value("baton_commit_sync_seconds_count"), 3)
        self.assertGreater(value("baton_engine_round_commands_sum"), value("baton_workers"))
        self.assertGreater(value("process_resident_memory_bytes"), 1 << 20)

    def test_lost_workers_and_timeouts_are_told_apart(self):
        worker = self.start_worker("worker-1")
        held = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", held)
        wait_until(lambda: self.value("baton_slots_taken") == 1, "a slot is taken")
        worker.kill()
        wait_until(lambda: self.value("baton_attempts_ended_total", type="hold", outcome="worker_lost") == 1,
                   "the lost attempt is counted")
        wait_until(lambda: self.value("baton_tasks_unservable", type="hold") == 1, "nobody could run it")
        self.start_worker("worker-2")
        # One that heeds the deadline may say itself that it failed, before the broker times it out.
        late = self.submit("stubborn", {"until": str(self.gate())}, "--timeout", "100ms", "--max-retries", "1")
        self.wait_for_end(late, "PERMANENTLY_FAILED")
        self.assertEqual(self.value("baton_attempts_ended_total", type="stubborn", outcome="timed_out"), 1)
        wait_until(lambda: self.value("baton_oldest_task_age_seconds", type="hold", state="running") > 0,
                   "the first task runs again")
        self.gate().touch()

    def test_refusals_are_counted_by_reason(self):
        self.baton("get", "99", code=3)
        self.assertEqual(self.value("baton_refusals_total", reason="TASK_NOT_FOUND"), 1)

    def test_types_beyond_the_limit_are_other(self):
        for number in range(5):
            self.submit(f"type-{number}", number)
        self.assertEqual(self.value("baton_tasks_submitted_total", type="other"), 2)
        types = {dict(labels)["type"] for name, labels in self.scrape() if name == "baton_tasks"}
        self.assertEqual(types, {"type-0", "type-1", "type-2", "other"})

    def test_health_follows_the_broker(self):
        self.assertEqual(self.page("/healthz"), (200, "ok\n"))
        self.assertEqual(self.page("/readyz"), (200, "ok\n"))
        self.assertEqual(self.page("/readyz", method="HEAD"), (200, ""))
        self.assertEqual(self.page("/metrics", method="POST")[0], 405)
        self.assertEqual(self.page("/")[0], 404)
        worker = self.start_worker()
        held = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", held)
        self.broker.signal(signal.SIGTERM)
        wait_until(lambda: self.page("/readyz")[0] == 503, "a broker that drains is not ready")
        self.assertEqual(self.page("/healthz")[0], 200)
        self.gate().touch()
        self.assertEqual(self.broker.wait(), 0)

    def test_the_page_on_metrics_names_all_of_them(self):
        self.submit("nobody-knows", 1)
        page = (Path(os.environ["SOURCE_ROOT"]) / "deploy" / "METRICS.md").read_text()
        told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", page, re.MULTILINE))
        exported = dict(re.findall(r"^# TYPE (\w+) (\w+)$", self.page("/metrics")[1], re.MULTILINE))
        self.assertEqual(told, exported)

    def test_threads_have_the_names_that_the_readme_tells(self):
        page = (Path(os.environ["SOURCE_ROOT"]) / "broker" / "README.md").read_text()
        rows = page.split("| thread, ")[1].split("\n\n")[0].splitlines()[2:]
        told = {name for row in rows if "only " not in row for name in row.split("|")[1].strip().split(", ")}
        self.assertIn("engine", told)
        threads = Path(f"/proc/{self.broker.popen.pid}/task")
        self.assertLessEqual(told, {(thread / "comm").read_text().strip() for thread in threads.iterdir()})

    def test_alerts_are_on_metrics_that_there_are(self):
        rules = (Path(os.environ["SOURCE_ROOT"]) / "deploy" / "alerts.yml").read_text()
        exported = set(re.findall(r"^# TYPE (\w+) ", self.page("/metrics")[1], re.MULTILINE))
        named = {name.removesuffix("_bucket") for name in re.findall(r"\b(?:baton|process)_\w+", rules)}
        self.assertTrue(named)
        self.assertEqual(named - exported, set())

    def test_an_address_that_other_machines_reach_is_refused(self):
        command = [program("BATOND"), "--data-dir", self.folder / "other", "--metrics", "0.0.0.0:7462"]
        answer = run_program(command)
        self.assertEqual(answer.code, 2)
        self.assertIn("setting metrics.address is '0.0.0.0:7462', which can be reached from other machines", answer.err)

    def test_an_address_in_use_is_refused_before_the_store_is_touched(self):
        taken = re.search(r"metrics on http://(\S+)/metrics", self.broker.log())[1]
        command = [program("BATOND"), "--data-dir", self.folder / "other", "--listen", "127.0.0.1:0",
                   "--metrics", taken]
        answer = run_program(command)
        self.assertEqual(answer.code, 1)
        self.assertIn(f"cannot listen on {taken}: Address already in use", answer.err)
        self.assertIn("choose another metrics.address", answer.err)
        self.assertFalse((self.folder / "other").exists())


class LogTest(ProcessTest):

    def change_settings(self, text):
        (self.folder / "batond.toml").write_text(text)
        self.broker.signal(signal.SIGHUP)

    def lines(self):
        return [json.loads(line) for line in self.broker.log().splitlines(True) if line.endswith("\n")]

    def test_json_has_an_object_on_each_line(self):
        self.start_broker(settings={"log.format": "json"})
        self.start_worker("worker-1").kill()
        wait_until(lambda: any("worker worker-1 disconnected" in line["message"] for line in self.lines()),
                   self.broker.log)
        for line in self.lines():
            self.assertEqual(sorted(line), ["level", "message", "time"])
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")

    def messages(self, level):
        """What was logged at a level, without what tells of connections."""
        lines = [re.fullmatch(r"\S+ (\w+) (.*)", line) for line in self.broker.log().splitlines()]
        self.assertNotIn(None, lines, self.broker.log())
        return [line[2] for line in lines if line[1] == level and "connected: session" not in line[2]]

    def test_what_operators_do_to_many_tasks_is_a_line_each(self):
        self.start_broker(settings={"backup.directory": str(self.folder / "backups")})
        self.start_worker("worker-1")
        begun = len(self.messages("info"))
        self.baton("types", "pause", "mail", "--reason", "the mail\nserver is down")
        self.baton("types", "unpause", "mail")
        self.baton("types", "unpause", "mail", code=4)
        self.baton("types", "limit", "mail", "5")
        self.baton("types", "limit", "mail", "none")
        secret = '{"password": "open sesame"}'
        self.baton("schedule", "create", "nightly", "0 3 * * *", "mail", "--json", secret)
        for verb in ("pause", "unpause", "trigger", "delete"):
            self.baton("schedule", verb, "nightly")
        self.baton("bulk", "cancel", "--type", "mail", "--reason", "not today", "--wait")
        self.baton("backup", "first")
        self.baton("workers", "drain", "worker-1")
        done = self.messages("info")[begun:]
        self.assertEqual(done, [
            "local paused type mail: the mail\\nserver is down",
            "local unpaused type mail",
            "local set the limit of type mail to 5",
            "local set the limit of type mail to none",
            "local created schedule nightly: 0 3 * * * mail",
            "local paused schedule nightly",
            "local unpaused schedule nightly",
            "local triggered schedule nightly",
            "local deleted schedule nightly",
            'local started a job: cancel {type: "mail"}: not today',
            "local made backup first",
            "local has worker worker-1 drain"])
        self.assertNotIn("sesame", self.broker.log())

    def test_failures_of_tasks_are_logged_only_on_demand(self):
        self.start_broker(settings={"server.log_level": "info"})
        self.start_worker("worker-1")
        begun = len(self.messages("info"))
        quiet = self.submit("fail", {"times": 9}, "--max-retries", "2")
        self.wait_for_end(quiet, "PERMANENTLY_FAILED")
        self.baton("submit", "echo", "--json", "1", "--count", "50", "--quiet")
        self.baton("cancel", str(self.submit("nobody", 1)))
        self.assertEqual(self.messages("info")[begun:], [], "what happens to single tasks is in their histories")
        self.change_settings('[server]\nlog_level = "debug"\n')
        wait_until(lambda: "server.log_level is debug" in self.broker.log(), self.broker.log)
        loud = self.submit("fail", {"times": 9}, "--max-retries", "2")
        self.wait_for_end(loud, "PERMANENTLY_FAILED")
        failures = [line for line in self.messages("debug") if line.startswith("task ")]
        self.assertEqual(failures, [f"task {loud}, attempt {n}: failed: told to fail in attempt {n}" for n in (1, 2)])

    def test_a_running_broker_reads_its_log_settings_again(self):
        self.start_broker(settings={"server.log_level": "info"})
        self.change_settings('[server]\nlog_level = "debug"\n[log]\nformat = "json"\n[workers]\ngrace = "3s"\n')
        wait_until(lambda: '"setting workers.grace has changed: it needs a restart"' in self.broker.log(),
                   self.broker.log)
        self.assertIn("server.log_level is debug, log.format is json", self.broker.log())
        self.change_settings('[server]\nlog_level = "loud"\n')
        wait_until(lambda: "nothing is changed" in self.broker.log(), self.broker.log)
        self.assertRegex(self.broker.log(), "server.log_level is 'loud'")
        self.submit("echo", 1)
        self.assertEqual(self.broker.terminate(), 0)


if __name__ == "__main__":
    unittest.main()
