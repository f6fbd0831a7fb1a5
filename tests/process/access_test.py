#!/usr/bin/env python3
"""Access tokens with the real programs: the first one, their administration, reload, workers, and secrets in no log."""

import signal
import stat
import unittest

from harness import Process, ProcessTest, program, run_program, wait_until


class AccessTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.tokens = self.folder / "tokens.toml"
        self.settings = {"access.tokens_file": str(self.tokens), "server.log_level": "trace"}
        # Every text that was ever printed.
        self.texts = []

    def keep(self, name, text):
        """The file with a token's text."""
        self.texts.append(text.strip())
        path = self.folder / f"{name}.token"
        path.write_text(text)
        path.chmod(0o600)
        return path

    def create_offline(self, name, role, *options, code=0):
        answer = run_program([program("BATOND"), "create-token", name, "--role", role, "--file", self.tokens,
                              *options])
        self.assertEqual(answer.code, code, answer.err)
        return self.keep(name, answer.out) if code == 0 else answer

    def start(self):
        self.operator = self.create_offline("ops", "operate")
        self.start_broker()

    def as_token(self, file, *arguments, code=0):
        answer = run_program([program("BATON"), "--token-file", file, *arguments],
                             {"BATON_BROKER": self.broker.address})
        self.assertEqual(answer.code, code, f"{arguments}\n{answer.out}\n{answer.err}")
        return answer

    def create(self, name, role, *options):
        return self.keep(name, self.as_token(self.operator, "token", "create", name, "--role", role, *options).out)

    def check_no_secrets(self):
        self.assertTrue(self.texts)
        for path in [*self.folder.glob("*.log"), *self.folder.glob("*.out"), self.tokens]:
            content = path.read_text()
            for text in self.texts:
                self.assertNotIn(text[19:], content, path)
        for path in self.data.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for text in self.texts:
                    self.assertNotIn(text[19:].encode(), content, path)

    def test_the_first_token_is_made_without_a_broker(self):
        first = self.create_offline("ops", "operate")
        self.assertRegex(first.read_text(), r"^baton_[a-z2-7]{12}_[a-z2-7]{52}\n$")
        self.assertEqual(stat.S_IMODE(self.tokens.stat().st_mode), 0o600)
        self.assertIn("'ops'", self.create_offline("ops", "operate", code=1).err)
        self.create_offline("board", "observe", "--payloads", "--type-prefix", "mail.", "--expires-days", "7")
        self.assertIn("only for role observe", self.create_offline("x", "work", "--payloads", code=1).err)
        self.create_offline("x", "admin", code=2)
        self.start_broker()
        listed = self.as_token(first, "token", "list", "-o", "json").json()
        self.assertEqual([token["name"] for token in listed], ["board", "ops"])
        self.check_no_secrets()

    def test_calls_need_a_token_and_its_right(self):
        self.start()
        submitter = self.create("billing", "submit", "--type-prefix", "invoice.")
        task = self.as_token(submitter, "submit", "invoice.send", "--json", '"hush"', "--quiet").out.strip()
        self.assertIn("'invoice.'", self.as_token(submitter, "submit", "mail.send", code=7).err)
        self.assertIn("ACCESS_TOKEN_REQUIRED", self.baton("list", code=7).err)
        self.assertIn("has role submit", self.as_token(submitter, "list", code=7).err)
        board = self.create("board", "observe")
        self.assertNotIn("hush", self.as_token(board, "get", task).out)
        events = self.as_token(board, "events", task, "-o", "jsonl").json_lines()
        self.assertEqual({event["actor"] for event in events}, {"billing"})
        self.check_no_secrets()

    def test_tokens_are_rotated_and_revoked_without_a_restart(self):
        self.start()
        first = self.create("board", "observe")
        rotated = self.as_token(self.operator, "token", "rotate", "board", "--keep-old", "1h")
        self.assertIn("The old text is valid until", rotated.err)
        self.as_token(first, "list")
        second = self.keep("second", rotated.out)
        self.as_token(second, "list")
        self.as_token(self.operator, "token", "revoke", "board")
        for file in (first, second):
            self.assertIn("ACCESS_TOKEN_REFUSED", self.as_token(file, "list", code=7).err)
        self.assertIn("LAST_OPERATOR", self.as_token(self.operator, "token", "revoke", "ops", code=4).err)
        self.check_no_secrets()

    def test_sighup_takes_over_what_was_written_by_hand(self):
        self.start()
        board = self.create_offline("board", "observe")
        self.as_token(board, "list", code=7)
        self.broker.signal(signal.SIGHUP)
        wait_until(lambda: run_program([program("BATON"), "--token-file", board, "list"],
                                       {"BATON_BROKER": self.broker.address}).code == 0, self.broker.log)
        good = self.tokens.read_text()
        self.tokens.write_text(good.replace("[[token]]", "[[tokens]]"))
        self.broker.signal(signal.SIGHUP)
        wait_until(lambda: "the access tokens stay as they were" in self.broker.log(), self.broker.log)
        self.assertIn(f"{self.tokens}:", self.broker.log())
        self.as_token(board, "list")
        self.check_no_secrets()

    def refused_start(self):
        answer = run_program([program("BATOND"), "--data-dir", self.data, "--listen", "127.0.0.1:0", "--config",
                              self.folder / "batond.toml"])
        self.assertEqual(answer.code, 1, answer.err)
        lines = [line for line in answer.err.splitlines() if line.startswith("batond: ")]
        self.assertEqual(len(lines), 1, answer.err)
        self.assertFalse(self.data.exists(), "nothing was created")
        return lines[0]

    def test_a_broker_refuses_a_file_that_is_wrong(self):
        (self.folder / "batond.toml").write_text(f'[access]\ntokens_file = "{self.tokens}"\n')
        self.assertIn("batond create-token", self.refused_start())
        self.create_offline("ops", "operate")
        self.tokens.chmod(0o640)
        self.assertIn(f"chmod 600 {self.tokens}", self.refused_start())
        self.tokens.chmod(0o600)
        self.tokens.write_text(self.tokens.read_text().replace('"operate"', '"root"'))
        self.assertRegex(self.refused_start(), r"tokens\.toml:\d+: role is 'root'")

    def test_a_worker_takes_a_rotated_token_over(self):
        self.start()
        file = self.create("crew", "work")
        worker = Process(self.folder, "worker", [program("TEST_WORKER")], {
            "BATON_BROKER": self.broker.address, "WORKER_ID": "worker", "CAPABILITIES": "",
            "BATON_ACCESS_TOKEN_FILE": str(file)})
        self.processes.append(worker)
        wait_until(lambda: "connected to" in worker.log(), worker.log)
        fresh = self.as_token(self.operator, "token", "rotate", "crew", "--keep-old", "5s").out
        self.keep("crew", fresh)
        # The old text ends, the stream with it, and the worker comes back with the new one.
        wait_until(lambda: worker.log().count("connected to") >= 2, worker.log)
        task = self.as_token(self.operator, "submit", "echo", "--json", '{"n": 1}', "--quiet").out.strip()
        self.as_token(self.operator, "--timeout", "30s", "wait", task)
        # Without a new one it gives up.
        self.as_token(self.operator, "token", "revoke", "crew")
        self.assertNotEqual(worker.wait(), 0)
        self.check_no_secrets()

    def test_a_worker_without_a_token_says_what_it_needs(self):
        self.start()
        worker = Process(self.folder, "worker", [program("TEST_WORKER")], {
            "BATON_BROKER": self.broker.address, "WORKER_ID": "worker", "CAPABILITIES": ""})
        self.processes.append(worker)
        self.assertNotEqual(worker.wait(), 0)
        self.assertIn("access_token_file", worker.log())


if __name__ == "__main__":
    unittest.main()
