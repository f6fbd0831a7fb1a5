#!/usr/bin/env python3
"""The wall clock jumps by hours, and processes stand still: nothing expires, and schedules fire each instant once.

The clock is shifted_clock.cc, preloaded into one process. It is moved by hand, and steady clocks go on as ever: that
time has passed is told by a task that times out.
"""

import signal
import struct
import time
import unittest
from datetime import datetime, timedelta, timezone

from harness import ProcessTest, program, wait_until

HOUR = 3600


class WallClock:
    """How wrong the wall clock of the processes is that have it in their environment, in seconds."""

    def __init__(self, path):
        self.path = path
        self.path.write_bytes(struct.pack("<q", 0))
        self.environment = {"LD_PRELOAD": program("SHIFTED_CLOCK"), "WALL_CLOCK_SHIFT": str(path)}

    def shift(self, seconds):
        with self.path.open("r+b") as file:
            file.write(struct.pack("<q", int(seconds * 1_000_000)))

    def set(self, instant):
        self.shift((instant - datetime.now(timezone.utc)).total_seconds())


def instant_of(task):
    return datetime.fromisoformat(task["scheduled_at"].replace("Z", "+00:00"))


class TimeTest(ProcessTest):
    settings = {"workers.beat_interval": "500ms", "workers.beat_window": "4s", "retention.ended": "1h",
                "engine.page_interval": "100ms"}

    def setUp(self):
        super().setUp()
        self.clock = WallClock(self.folder / "shift")

    def let_a_beat_window_pass(self):
        """Longer than any worker may be silent: by a task that times out, which goes by the steady clock."""
        task = self.submit("hold", {"until": str(self.gate("never"))}, "--timeout", "5s", "--max-retries", "1")
        self.wait_for_end(task, "PERMANENTLY_FAILED")

    def session(self, worker):
        """Changes when the worker has to come back."""
        listed = self.baton("workers", "-o", "jsonl").json_lines()
        return [one["connected_at"] for one in listed if (one["worker_id"], one["state"]) == (worker.name, "CONNECTED")]

    def assert_untouched(self, task):
        shown = self.get(task)
        self.assertEqual((shown["state"], shown["attempt"], shown.get("interruptions", 0)), ("RUNNING", 1, 0), shown)

    def fired(self, schedule):
        """The instants that it fired for, ascending; each once."""
        listed = self.baton("list", "--schedule", schedule, "--limit", "0", "-o", "jsonl").json_lines()
        instants = sorted(instant_of(task) for task in listed)
        self.assertEqual(len(instants), len(set(instants)), instants)
        return instants


class BrokerClockTest(TimeTest):

    def setUp(self):
        super().setUp()
        self.start_broker(environment=self.clock.environment)

    def test_running_tasks_and_what_has_ended_survive_jumps(self):
        worker = self.start_worker(concurrency=8)
        gate = self.gate()
        running = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", running)
        ended = self.submit("echo", 1)
        self.wait_for_end(ended)
        session = self.session(worker)
        for shift in (5 * HOUR, -5 * HOUR):
            self.clock.shift(shift)
            self.let_a_beat_window_pass()
            self.assert_untouched(running)
            self.assertEqual(self.session(worker), session, "the worker was never given up")
            self.assertEqual(self.get(ended)["state"], "COMPLETED", "it ended seconds ago, whatever the clock says")
        gate.touch()
        self.assertEqual(self.wait_for_end(running)["attempt"], 1)

    def test_delayed_tasks_go_by_the_wall_clock(self):
        self.start_worker(concurrency=8)
        later = self.submit("echo", 1, "--delay", "4h")
        self.clock.shift(5 * HOUR)
        self.wait_for_end(later)
        self.clock.shift(0)
        # From here on, not from then.
        self.wait_for_end(self.submit("echo", 2, "--delay", "100ms"))
        waiting = self.submit("echo", 3, "--delay", "4h")
        self.clock.shift(-5 * HOUR)
        self.wait_for_end(self.submit("echo", 4))
        self.assertEqual(self.get(waiting)["state"], "PENDING")

    def test_a_schedule_fires_each_instant_once_however_the_clock_jumps(self):
        self.baton("schedule", "create", "hourly", "@hourly", "echo", "--json", "1", "--overlap", "allow", "--catch-up",
                   "all", "--keep-going")
        self.clock.shift(5 * HOUR)
        instants = wait_until(lambda: len(self.fired("hourly")) >= 5 and self.fired("hourly"), "it catches up")
        self.clock.shift(0)
        self.start_worker(concurrency=8)
        self.let_a_beat_window_pass()
        self.assertEqual(self.fired("hourly"), instants, "set back: what was fired is not fired again")
        self.clock.shift(7 * HOUR)
        more = wait_until(lambda: len(self.fired("hourly")) >= len(instants) + 2 and self.fired("hourly"), "it goes on")
        gaps = {later - earlier for earlier, later in zip(more, more[1:])}
        self.assertEqual(gaps, {timedelta(hours=1)}, more)

    def test_a_daily_schedule_fires_once_a_day_when_daylight_saving_begins_and_ends(self):
        self.clock.set(datetime(2027, 3, 27, 12, tzinfo=timezone.utc))
        self.baton("schedule", "create", "daily", "30 2 * * *", "echo", "--json", "1", "--time-zone", "Europe/Berlin",
                   "--overlap", "allow", "--catch-up", "all", "--keep-going")
        expected = []
        # 02:30 of the 28th of March does not exist: 03:30. That of the 31st of October comes twice: the first one.
        for now, due in ((datetime(2027, 3, 28, 1, 29), None),
                         (datetime(2027, 3, 28, 1, 31), datetime(2027, 3, 28, 1, 30)),
                         (datetime(2027, 3, 29, 0, 31), datetime(2027, 3, 29, 0, 30))):
            self.assert_fires("daily", now, due, expected)
        self.baton("schedule", "delete", "daily")
        self.clock.set(datetime(2027, 10, 30, 12, tzinfo=timezone.utc))
        self.baton("schedule", "create", "autumn", "30 2 * * *", "echo", "--json", "1", "--time-zone", "Europe/Berlin",
                   "--overlap", "allow", "--catch-up", "all", "--keep-going")
        expected = []
        for now, due in ((datetime(2027, 10, 31, 0, 31), datetime(2027, 10, 31, 0, 30)),
                         (datetime(2027, 10, 31, 1, 31), None),
                         (datetime(2027, 11, 1, 1, 31), datetime(2027, 11, 1, 1, 30))):
            self.assert_fires("autumn", now, due, expected)

    def assert_fires(self, schedule, now, due, expected):
        """At `now`, in UTC, `due` is added to what was fired, or nothing."""
        self.clock.set(now.replace(tzinfo=timezone.utc))
        if due is not None:
            expected.append(due.replace(tzinfo=timezone.utc))
            wait_until(lambda: len(self.fired(schedule)) >= len(expected), f"{schedule} fires for {due}")
        # Were anything else due, it would have fired before a task that was submitted now gets an id.
        self.submit("echo", 1)
        self.assertEqual(self.fired(schedule), expected)


class DrainClockTest(TimeTest):
    # The worker that stands still is not given up before the drain is over.
    settings = {"workers.beat_window": "2m", "server.drain_deadline": "3s"}

    def test_a_drain_ends_at_its_deadline_although_the_clock_is_set_back(self):
        self.start_broker(environment=self.clock.environment)
        holding = self.start_worker("holding")
        task = self.submit("hold", {"until": str(self.gate())})
        holding.wait_for("start", task)
        holding.freeze()  # Else it would give its task back in time.
        told = self.start_worker("told")
        self.broker.signal(signal.SIGTERM)
        wait_until(lambda: "draining" in told.log(), "the drain has begun")
        self.clock.shift(-5 * HOUR)
        self.assertEqual(self.broker.wait(), 0)
        self.assertIn("the drain deadline passed", self.broker.log())


class WorkerClockTest(TimeTest):

    def test_a_worker_whose_clock_jumps_goes_on_beating(self):
        self.start_broker()
        shifted = {name.lower(): value for name, value in self.clock.environment.items()}
        worker = self.start_worker(concurrency=8, **shifted)
        gate = self.gate()
        running = self.submit("hold", {"until": str(gate)})
        worker.wait_for("start", running)
        session = self.session(worker)
        for shift in (5 * HOUR, -5 * HOUR):
            self.clock.shift(shift)
            self.let_a_beat_window_pass()
            self.assert_untouched(running)
            self.assertEqual(self.session(worker), session, "the worker was never given up")
        # Its handler looks every 10 ms, by a wait that may not take five hours now.
        gate.touch()
        self.assertEqual(self.wait_for_end(running)["attempt"], 1)


class SuspensionTest(TimeTest):

    def setUp(self):
        super().setUp()
        self.start_broker()
        self.worker = self.start_worker(concurrency=8)
        self.running = self.submit("hold", {"until": str(self.gate())})
        self.worker.wait_for("start", self.running)

    def stand_still(self, *processes):
        """For longer than a worker may be silent."""
        for process in processes:
            process.freeze()
        frozen_at = time.monotonic()
        wait_until(lambda: time.monotonic() - frozen_at > 5, "the time that the processes stand still is over")
        for process in processes:
            process.thaw()

    def assert_goes_on(self):
        self.let_a_beat_window_pass()
        self.assert_untouched(self.running)
        self.gate().touch()
        self.assertEqual(self.wait_for_end(self.running)["attempt"], 1)

    def test_a_suspended_broker_gives_no_worker_up(self):
        self.stand_still(self.broker)
        self.assert_goes_on()

    def test_a_suspended_machine_gives_no_worker_up(self):
        self.stand_still(self.broker, self.worker)
        self.assert_goes_on()

    def test_a_suspended_broker_fires_what_was_due_meanwhile_once(self):
        self.baton("schedule", "create", "tick", "* * * * * *", "echo", "--json", "1", "--overlap", "allow",
                   "--catch-up", "all", "--catch-up-limit", "1000", "--keep-going")
        wait_until(lambda: self.fired("tick"), "it fires")
        self.stand_still(self.broker)
        before = len(self.fired("tick"))
        instants = wait_until(lambda: len(self.fired("tick")) >= before + 4 and self.fired("tick"), "it goes on")
        gaps = {later - earlier for earlier, later in zip(instants, instants[1:])}
        self.assertEqual(gaps, {timedelta(seconds=1)}, instants)
        self.assert_goes_on()


if __name__ == "__main__":
    unittest.main()
