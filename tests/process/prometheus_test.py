#!/usr/bin/env python3
"""The dashboard and the alerts, with Debian's Prometheus: each query finds something in what real brokers export."""

import json
import math
import os
import re
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

import yaml
from harness import PATIENCE, Broker, Process, ProcessTest, run_program, wait_until

ROOT = Path(os.environ["SOURCE_ROOT"])
DASHBOARD = ROOT / "deploy" / "dashboard.json"
ALERTS = ROOT / "deploy" / "alerts.yml"
CASES = Path(__file__).parent / "alert_cases.yml"

# What Grafana would put in: everything, and a time in which something has happened.
VARIABLES = {"$__rate_interval": "20s", "$instance": ".*", "$type": ".*"}
COMPARISON = re.compile(r"\s(?:>|<|==|!=|>=|<=)\s")


def panel_queries():
    """(title, query) of all panels and annotations of the dashboard."""
    dashboard = json.loads(DASHBOARD.read_text())
    queries = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    queries += [(mark["name"], COMPARISON.split(mark["expr"])[0]) for mark in dashboard["annotations"]["list"]]
    for title, query in queries:
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        assert "$" not in query, f"{title}: a variable that nobody knows in {query}"
        yield title, query


def alert_rules():
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def alert_queries():
    """(name, query) of what alerts compare: both sides, without the comparison."""
    for rule in alert_rules():
        for part in re.split(r"\s(?:or|and|unless)\s", " ".join(rule["expr"].split())):
            sides = COMPARISON.split(part)
            assert len(sides) == 2, f"{rule['alert']} compares nothing in {part}"
            yield from ((rule["alert"], side) for side in sides)


class Prometheus(Process):
    """Scrapes these addresses five times a second, as job `baton`."""

    def __init__(self, test, targets):
        settings = test.folder / "prometheus.yml"
        settings.write_text(yaml.safe_dump({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "1s"},
            "rule_files": [str(ALERTS)],
            "scrape_configs": [{"job_name": "baton", "static_configs": [{"targets": targets}]}],
        }))
        super().__init__(test.folder, "prometheus",
                         ["prometheus", f"--config.file={settings}", f"--storage.tsdb.path={test.folder / 'series'}",
                          "--web.listen-address=127.0.0.1:0"])
        test.processes.append(self)
        self.address = wait_until(lambda: re.search(r'msg="Listening on" address=(\S+)', self.log()), self.log)[1]

    def get(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def numbers(self, query):
        """What a query gives now; what is no number is nothing."""
        data = self.get("query", query=query)
        samples = [data["result"]] if data["resultType"] == "scalar" else [found["value"] for found in data["result"]]
        return [float(value) for _, value in samples if math.isfinite(float(value))]


class PrometheusTest(ProcessTest):
    settings = {"metrics.address": "127.0.0.1:0", "workers.beat_interval": "200ms", "workers.beat_window": "1s",
                "workers.grace": "200ms"}

    def start_full_broker(self):
        """Its disk never has what it wants to keep free."""
        full = Broker(self.folder, self.folder / "full", name="full",
                      settings={**self.settings, "storage.reserve_bytes": "16384GiB"})
        self.processes.append(full)
        self.baton("--broker", full.address, "submit", "echo", code=5)
        return full

    def metrics_address(self, broker):
        return wait_until(lambda: re.search(r"metrics on http://(\S+)/metrics", broker.log()), broker.log)[1]

    def keep_busy(self):
        """Something of everything; schedules create tasks each second."""
        # More than all that holds its slots until the end.
        self.start_worker("worker-1", concurrency=32)
        self.baton("schedule", "create", "works", "* * * * * *", "echo", "--json", "1", "--overlap", "allow")
        self.baton("schedule", "create", "fails", "* * * * * *", "fail", "--json", '{"times": 9}', "--max-retries", "2",
                   "--overlap", "allow", "--keep-going")
        self.submit("hold", {"until": str(self.gate())})
        self.submit("approve", {})
        self.submit("nobody-handles-this", 1)
        self.baton("types", "pause", "mail")
        self.submit("mail", 1)
        self.baton("get", "99", code=3)
        lost = self.start_worker("worker-2", concurrency=8)
        held = [self.submit("hold", {"until": str(self.gate())}) for _ in range(16)]
        wait_until(lambda: any(lost.events("start", task) for task in held), "the second worker has some")
        lost.kill()

    def test_every_panel_and_every_alert_finds_something(self):
        self.start_broker()
        brokers = [self.broker, self.start_full_broker()]
        prometheus = Prometheus(self, [self.metrics_address(broker) for broker in brokers])
        self.keep_busy()
        for title, query in [*panel_queries(), *alert_queries()]:
            with self.subTest(title):
                wait_until(lambda query=query: prometheus.numbers(query), lambda query=query: f"numbers of {query}")
        self.assertEqual(prometheus.numbers('count(up{job="baton"} == 1)'), [2])
        self.assertEqual(prometheus.numbers("min(baton_tasks_unservable{type='nobody-handles-this'})"), [1])
        loaded = {rule["name"]: rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]}
        self.assertEqual(set(loaded), {rule["alert"] for rule in alert_rules()})
        wait_until(lambda: all(rule["health"] == "ok" for group in prometheus.get("rules")["groups"]
                               for rule in group["rules"]), lambda: prometheus.get("rules"))
        wait_until(lambda: any(alert["labels"]["alertname"] == "BatonTasksUnservable"
                               for alert in prometheus.get("alerts")["alerts"]), "an alert, pending as it has to last")
        self.gate().touch()

    def test_alerts_do_what_their_cases_say(self):
        checked = run_program(["promtool", "check", "rules", ALERTS])
        self.assertEqual(checked.code, 0, checked.out + checked.err)
        tested = run_program(["promtool", "test", "rules", CASES])
        self.assertEqual(tested.code, 0, tested.out + tested.err)
        cases = [case for test in yaml.safe_load(CASES.read_text())["tests"] for case in test["alert_rule_test"]]
        alerts = {rule["alert"] for rule in alert_rules()}
        self.assertEqual({case["alertname"] for case in cases if case.get("exp_alerts")}, alerts, "each fires once")
        self.assertEqual({case["alertname"] for case in cases if not case.get("exp_alerts")}, alerts, "and once not")

    def test_every_metric_has_a_panel(self):
        told = re.findall(r"^\| `(\w+)` \| \w+ \|", (ROOT / "deploy" / "METRICS.md").read_text(), re.MULTILINE)
        shown = {re.sub("_(bucket|sum|count)$", "", name) for _, query in panel_queries()
                 for name in re.findall(r"\b(?:baton|process)_\w+", query)}
        self.assertEqual(set(told) - shown, set())
        self.assertEqual(shown - set(told), set())

    def test_panels_have_places_and_texts_of_their_own(self):
        dashboard = json.loads(DASHBOARD.read_text())
        panels = dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        self.assertEqual(len({panel["title"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells


if __name__ == "__main__":
    unittest.main()
