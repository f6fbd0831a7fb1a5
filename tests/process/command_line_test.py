#!/usr/bin/env python3
"""Every command of the tool against a real broker, its JSON, and each of its exit codes."""

import json
import socket
import threading
import unittest

from harness import Process, ProcessTest, program, run_program, wait_until


class CommandTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_submit_prints_the_id_in_every_format(self):
        self.assertEqual(self.baton("submit", "echo", "--quiet").out, "1\n")
        answer = self.baton("submit", "echo", "-o", "json").json()
        self.assertEqual((answer["task_id"], answer["existing"], answer["runnable"]), (2, False, False))
        many = self.baton("submit", "echo", "--count", "3", "-o", "jsonl").json_lines()
        self.assertEqual([one["task_id"] for one in many], [3, 4, 5])
        self.assertIn("Submitted task 6.", self.baton("submit", "echo").out)

    def test_submit_reads_payloads_inline_from_files_and_from_standard_input(self):  # S111
        self.start_worker()
        (self.folder / "order.json").write_text('{"from": "file"}')
        (self.folder / "orders.jsonl").write_text('{"line": 1}\n\n{"line": 2}\n')
        for words, stdin, expected in [
            (["--json", '{"from": "text"}'], None, [{"from": "text"}]),
            (["--json", f"@{self.folder}/order.json"], None, [{"from": "file"}]),
            (["--json", "-"], '{"from": "stdin"}', [{"from": "stdin"}]),
            (["--data", "-", "--content-type", "application/json"], "[1, 2]", [[1, 2]]),
            (["--jsonl", f"{self.folder}/orders.jsonl"], None, [{"line": 1}, {"line": 2}]),
        ]:
            ids = self.baton("submit", "echo", *words, "--quiet", stdin=stdin).out.split()
            payloads = [self.wait_for_end(int(task))["result"] for task in ids]
            self.assertEqual(payloads, expected, words)

    def test_every_option_of_submit_reaches_the_task(self):  # B56
        options = ["--priority", "7", "--timeout", "90s", "--max-retries", "5", "--retry-interval", "2s",
                   "--retry-backoff", "exponential", "--retry-cap", "1m", "--retry-jitter", "0.5", "--require", "GPU",
                   "--require", "SSD", "--tag", "batch-7", "--delay", "1h", "--unique-key", "k",
                   "--trace-parent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
        task = self.get(self.submit("resize", {"w": 80}, *options))
        self.assertEqual((task["type"], task["state"], task["tag"], task["payload"], task["unique_key"]),
                         ("resize", "PENDING", "batch-7", {"w": 80}, "k"))
        self.assertEqual(task["trace_parent"], options[-1])
        self.assertEqual((task["priority"], task["required_capabilities"]), (7, ["GPU", "SSD"]))
        chosen = {key: task["options"][key] for key in ("timeout_us", "max_retries", "retry_interval_us",
                  "retry_backoff", "retry_interval_cap_us", "retry_jitter")}
        self.assertEqual(chosen, {"timeout_us": 90_000_000, "max_retries": 5, "retry_interval_us": 2_000_000,
                                  "retry_backoff": "EXPONENTIAL", "retry_interval_cap_us": 60_000_000,
                                  "retry_jitter": 0.5})
        self.assertGreater(task["due_at"], task["created_at"])

    def test_a_repeated_request_id_and_a_unique_key_create_nothing_twice(self):
        first = self.submit("echo", {"n": 1}, "--request-id", "order-1")
        self.assertEqual(self.submit("echo", {"n": 1}, "--request-id", "order-1"), first)
        reused = self.baton("submit", "echo", "--json", "2", "--request-id", "order-1", code=2)
        self.assertIn("REQUEST_ID_REUSED", reused.err)
        keyed = self.submit("echo", None, "--unique-key", "daily")
        self.assertEqual(self.submit("echo", None, "--unique-key", "daily"), keyed)
        rejected = self.baton("submit", "echo", "--unique-key", "daily", "--unique-policy", "reject", code=4)
        self.assertIn("UNIQUE_KEY_IN_USE", rejected.err)
        replaced = self.submit("echo", None, "--unique-key", "daily", "--unique-policy", "replace-pending")
        self.assertNotEqual(replaced, keyed)
        self.assertEqual(self.get(keyed)["state"], "CANCELLED")
        self.assertEqual(len(self.baton("list", "-o", "json").json()), 3)

    def test_wait_and_result_print_the_result_byte_for_byte(self):  # B5
        self.start_worker()
        waited = self.baton("submit", "echo", "--json", '{"é":  [1]}', "--wait")
        self.assertEqual(waited.out, '{"é":  [1]}')
        self.assertEqual(self.baton("wait", "1").out, '{"é":  [1]}')
        self.assertEqual(self.baton("result", "1").out, '{"é":  [1]}')
        self.baton("result", "1", "--output", str(self.folder / "result"))
        self.assertEqual((self.folder / "result").read_text(), '{"é":  [1]}')
        self.submit("echo", 2)
        both = self.baton("wait", "1", "2", "-o", "jsonl").json_lines()
        self.assertEqual([task["result"] for task in both], [{"é": [1]}, 2])

    def test_get_shows_one_task_or_several(self):
        self.submit("echo", {"n": 1}, "--tag", "a")
        self.submit("echo", {"n": 2}, "--tag", "b")
        self.assertIn("no live worker can run it", self.baton("get", "1").out)
        self.assertEqual([task["tag"] for task in self.baton("get", "1", "2", "-o", "json").json()], ["a", "b"])

    def test_list_filters_and_is_newest_first(self):  # S17
        self.start_worker()
        for number in range(3):
            self.wait_for_end(self.submit("echo", number, "--tag", f"t{number % 2}"))
        self.submit("waits", 1, "--tag", "t0")

        def listed(*options):
            return [task["id"] for task in self.baton("list", *options, "-o", "json").json()]

        self.assertEqual(listed(), [4, 3, 2, 1])
        self.assertEqual(listed("--limit", "2"), [4, 3])
        self.assertEqual(listed("--type", "echo"), [3, 2, 1])
        self.assertEqual(listed("--tag", "t0"), [4, 3, 1])
        self.assertEqual(listed("--state", "pending,running"), [4])
        self.assertEqual(listed("--state", "completed", "--tag", "t1"), [2])
        self.assertEqual(listed("--type", "nothing"), [])
        self.assertIn("no such tasks", self.baton("list", "--type", "nothing").err)

    def test_events_and_attempts_tell_the_history(self):  # B23, B24, B210, S5, S6
        gate = self.gate()
        self.start_worker()
        task = self.submit("report", {"until": str(gate)})
        wait_until(lambda: self.get(task).get("progress", {}).get("percent") == 50, "the progress is shown")
        progress = self.get(task)["progress"]
        self.assertEqual((progress["text"], progress["stage_name"]), ("row 12 of 24", "rows"))
        gate.touch()
        self.wait_for_end(task)
        events = self.baton("events", str(task), "-o", "json").json()
        self.assertEqual([event["number"] for event in events], list(range(1, len(events) + 1)))
        types = [event["type"] for event in events]
        self.assertEqual((types[0], types[-1]), ("CREATED", "COMPLETED"))
        self.assertEqual(set(types), {"CREATED", "CLAIMED", "STARTED", "CHECKPOINT", "PROGRESS", "COMPLETED"})
        checkpoint = next(event["checkpoint"] for event in events if event["type"] == "CHECKPOINT")
        self.assertEqual((checkpoint["code"], checkpoint["message"], checkpoint["metadata"]),
                         ("half_way", "the first half is done", {"rows": 12}))
        self.assertEqual({event["worker_id"] for event in events if event["attempt"] == 1}, {"worker-1"})
        attempts = self.attempts(task)
        self.assertEqual([(one["number"], one["worker_id"], one["outcome"]) for one in attempts],
                         [(1, "worker-1", "SUCCEEDED")])
        self.assertGreater(attempts[0]["ran_us"], 0)
        self.assertIn("half_way", self.baton("events", str(task)).out)
        self.assertIn("SUCCEEDED", self.baton("attempts", str(task)).out)

    def test_workers_types_stats_and_info_show_the_whole(self):  # B45, B221, B258
        self.start_worker(capabilities="GPU", concurrency=3)
        held = self.submit("hold", {"until": str(self.gate())})
        self.wait_for_state(held, "RUNNING")
        self.submit("nobody", 1)
        self.wait_for_end(self.submit("echo", 1))
        worker, = self.baton("workers", "-o", "json").json()
        self.assertEqual((worker["worker_id"], worker["state"], worker["capabilities"], worker["slots"]),
                         ("worker-1", "CONNECTED", ["GPU"], 3))
        self.assertEqual((worker["slots_taken"], worker["task_ids"]), (1, [held]))
        listed = self.baton("workers", "list", "--capability", "GPU", "-o", "json").json()
        self.assertEqual([one["worker_id"] for one in listed], ["worker-1"])
        types = {one["type"]: one for one in self.baton("types", "-o", "json").json()}
        self.assertEqual((types["hold"]["workers"], types["hold"]["counts"]["running"]), (1, 1))
        self.assertEqual((types["nobody"]["workers"], types["nobody"]["unservable"]), (0, 1))
        stats = self.baton("stats", "-o", "json").json()
        counts = stats["counts"]
        self.assertEqual((counts["pending"], counts["running"], counts["completed"]), (1, 1, 1))
        self.assertEqual((stats["workers"], stats["slots"], stats["unservable"]), (1, 3, 1))
        info = self.baton("info", "-o", "json").json()
        self.assertEqual((info["data_dir"], info["listen_address"]), (str(self.data), self.broker.address))
        self.assertEqual(info["next_task_id"], 4)
        for command in (["workers"], ["types"], ["types", "list"], ["stats"], ["info"]):
            self.assertTrue(self.baton(*command).out.strip(), command)

    def test_the_settings_shown_are_a_configuration_file(self):
        path = self.folder / "shown.toml"
        path.write_text(self.baton("info", "--settings").out)
        printed = run_program([program("BATOND"), "--config", path, "--print-config"])
        self.assertEqual(printed.code, 0, printed.err)
        self.assertIn(f'data_dir = "{self.data}"', printed.out)


class ExitCodeTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_0_done(self):
        self.baton("submit", "echo", code=0)
        self.assertIn("baton", self.baton("--version", code=0).out)
        self.assertIn("Exit codes:", self.baton("--help", code=0).out)

    def test_1_the_task_did_not_complete(self):
        self.start_worker()
        answer = self.baton("submit", "fail", "--json", '{"times": 9, "final": true}', "--wait", code=1)
        self.assertIn("told to fail in attempt 1", answer.err)
        self.assertEqual(answer.out, "")
        for command in ("wait", "result"):
            self.assertIn("PERMANENTLY_FAILED", self.baton(command, "1", code=1).err)

    def test_2_the_command_line_or_its_input_cannot_be_used(self):
        for words, expected in [
            (["get", "none"], "not a task id"),
            (["submit", "echo", "--json", "{"], "--json"),
            (["submit", "echo", "--json", "@/nonexistent"], "cannot read /nonexistent"),
            (["submit", "no spaces allowed"], "type"),
            (["submit", ""], "type"),
            (["submit", "x" * 129], "128"),
            (["submit", "echo", "--priority", "21"], "20"),
            (["submit", "echo", "--timeout", "9999d"], "timeout"),
            (["submit", "echo", "--delay", "99999d"], "delay"),
            (["list", "--state", "lost"], "lost"),
            (["frobnicate"], "frobnicate"),
            ([], "command"),
        ]:
            answer = self.baton(*words, code=2)
            self.assertIn(expected, answer.err, words)
            self.assertEqual(answer.out, "", words)
        self.assertEqual(self.baton("list", "-o", "json").json(), [])

    def test_2_a_payload_over_the_limit_names_the_limit(self):
        (self.folder / "large").write_bytes(b"x" * (1024 * 1024 + 1))
        answer = self.baton("submit", "echo", "--data", f"@{self.folder}/large", code=2)
        self.assertIn("1048577", answer.err)
        self.assertIn("1048576", answer.err)

    def test_3_no_such_task(self):
        for command in ("get", "wait", "result", "cancel", "resume", "events", "attempts"):
            answer = self.baton(command, "77", code=3)
            self.assertIn("77", answer.err, command)
            self.assertIn("TASK_NOT_FOUND", answer.err, command)

    def test_4_refused_because_of_the_state(self):
        task = self.submit("echo", 1)
        self.assertIn("no result yet", self.baton("result", str(task), code=4).err)

    def test_5_the_broker_cannot_be_reached(self):
        self.broker.kill()
        answer = self.baton("list", code=5)
        self.assertIn(self.broker.address, answer.err)
        self.assertIn("batond", answer.err)

    def test_6_the_time_given_passed(self):
        task = self.submit("echo", 1)
        answer = self.baton("--timeout", "200ms", "wait", str(task), code=6)
        self.assertIn(f"task {task} is still PENDING", answer.err)
        answer = self.baton("submit", "echo", "--wait", "--wait-timeout", "200ms", code=6)
        self.assertIn("It goes on", answer.err)

    def test_6_a_broker_that_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            accepted = []
            accepting = threading.Thread(target=lambda: accepted.append(silent.accept()), daemon=True)
            accepting.start()
            address = f"127.0.0.1:{silent.getsockname()[1]}"
            answer = run_program([program("BATON"), "--broker", address, "--timeout", "500ms", "list"])
        for connection, _ in accepted:
            connection.close()
        self.assertEqual(answer.code, 6, answer.err)
        self.assertIn(address, answer.err)


class WatchingTest(ProcessTest):

    def test_wait_outlives_a_restart_of_the_broker(self):
        gate = self.gate()
        self.start_broker()
        self.start_worker()
        task = self.submit("hold", {"until": str(gate)})
        self.wait_for_state(task, "RUNNING")
        waiting = Process(self.folder, "wait", [program("BATON"), "wait", str(task)],
                          {"BATON_BROKER": self.broker.address})
        self.processes.append(waiting)
        wait_until(lambda: "RUNNING" in waiting.log(), "the tool has seen the task")
        self.broker.kill()
        self.start_broker()
        gate.touch()
        self.assertEqual(waiting.wait(), 0, waiting.log())
        self.assertEqual(waiting.out(), '"held"')

    def test_watch_tells_each_change_and_outlives_a_restart_of_the_broker(self):
        gate = self.gate()
        self.start_broker()
        self.start_worker()
        task = self.submit("hold", {"until": str(gate)})
        watching = Process(self.folder, "watch", [program("BATON"), "watch", str(task), "-o", "jsonl"],
                           {"BATON_BROKER": self.broker.address})
        self.processes.append(watching)
        wait_until(lambda: '"RUNNING"' in watching.out(), "the tool has seen the task")
        self.broker.kill()
        self.start_broker()
        gate.touch()
        self.assertEqual(watching.wait(), 0, watching.log())
        told = [json.loads(line) for line in watching.out().splitlines()]
        self.assertEqual({one["id"] for one in told}, {task})
        self.assertEqual((told[-1]["state"], "result" in told[-1]), ("COMPLETED", False))

    def test_a_watch_that_is_started_again_goes_on_where_it_was(self):

        def watch(name, token):
            process = Process(self.folder, name, [program("BATON"), "watch", "--type", "echo", "-o", "jsonl",
                                                  "--resume-token", token], {"BATON_BROKER": self.broker.address})
            self.processes.append(process)
            return process

        def told(process):
            return [json.loads(line) for line in process.out().splitlines(True) if line.endswith("\n")]

        self.start_broker()
        watching = watch("watch", "")
        wait_until(lambda: told(watching), "it is told where to go on before anything has changed")
        first = self.submit("echo", 1)
        wait_until(lambda: len(told(watching)) > 2 and "resume_token" in told(watching)[-1], watching.out)
        watching.kill()
        self.assertEqual({line["id"] for line in told(watching) if "id" in line}, {first})
        second = self.submit("echo", 2)
        self.submit("other", 3)
        self.broker.kill()
        self.start_broker()
        again = watch("watch-again", told(watching)[-1]["resume_token"])
        wait_until(lambda: f'"id":{second},' in again.out(), again.log)
        self.assertEqual({line["id"] for line in told(again) if "id" in line}, {second})
        answer = self.baton("watch", "--type", "other", "--resume-token", told(watching)[-1]["resume_token"], code=2)
        self.assertIn("BAD_RESUME_TOKEN", answer.err)


if __name__ == "__main__":
    unittest.main()
