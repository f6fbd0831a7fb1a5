#!/usr/bin/env python3
"""`baton doctor` on real brokers that are well, unwell, and out of reach, and on the stores of stopped ones."""

import json
import re
import shutil
import socket
import subprocess
import threading
import unittest

from harness import ProcessTest, program, run_program, wait_until


class DoctorTest(ProcessTest):

    def doctor(self, *words, code, broker=None):
        """The findings by rule, each with what and remedy. Everything could be looked at."""
        answer = run_program([program("BATON"), *words, "doctor", "--json"],
                             {"BATON_BROKER": broker or self.broker.address})
        self.assertEqual(answer.code, code, f"{words}\n{answer.out}\n{answer.err}")
        report = answer.json()
        self.assertEqual(report["not_checked"], [])
        findings = {}
        for finding in report["findings"]:
            findings.setdefault(finding["rule"], []).append(finding)
        return findings

    def commands(self, finding):
        """What a remedy tells to run, as words."""
        return [command.split() for command in re.findall(r"`(baton [^`$]*)`", finding["remedy"])]

    def test_nothing_is_wrong_with_a_busy_broker(self):
        self.start_broker()
        self.start_worker()
        self.wait_for_end(self.submit("echo", 1))
        self.submit("hold", {"until": str(self.gate())})
        self.assertEqual(self.doctor(code=0), {})
        self.assertRegex(self.baton("doctor").out, r"^broker at 127\.0\.0\.1:\d+: nothing is wrong\n$")
        self.gate().touch()

    def test_what_is_wrong_is_found_and_the_commands_help(self):
        self.start_broker(settings={"backup.directory": str(self.folder / "backups")})
        self.start_worker()
        nobody = self.submit("nobody", 1)
        self.baton("types", "pause", "mail", "--reason", "the mail server is down")
        self.submit("mail", 1)
        self.baton("types", "limit", "hold", "1")
        for _ in range(2):
            self.submit("hold", {"until": str(self.gate())})
        self.baton("schedule", "create", "fails", "0 3 1 1 *", "fail", "--json", '{"times": 9}', "--max-retries", "1")
        failed = int(self.baton("schedule", "trigger", "fails", "-o", "json").json()["task_id"])
        self.wait_for_end(failed, "PERMANENTLY_FAILED")
        wait_until(lambda: self.baton("schedule", "show", "fails", "-o", "json").json()["state"] == "PAUSED",
                   "the broker pauses the schedule")
        wait_until(lambda: "limit" in self.doctor(code=1), "the limit is reached")
        found = self.doctor(code=1)
        found.pop("disk", None)  # Of the machine, which is not this test's.
        self.assertEqual(set(found), {"unservable", "paused", "limit", "schedule", "backup"})
        self.assertEqual(self.commands(found["unservable"][0]), [["baton", "explain", str(nobody)]])
        self.assertIn("no connected worker has a handler", found["unservable"][0]["what"])
        unservable = self.baton("types", "--unservable", "-o", "json").json()
        self.assertEqual([info["type"] for info in unservable], ["mail", "nobody"])
        self.assertIn("the mail server is down", found["paused"][0]["what"])
        self.assertIn(f"`baton get {failed}`", found["schedule"][0]["remedy"])
        # What it says helps.
        for finding in (found["paused"][0], found["limit"][0], found["schedule"][0]):
            for command in self.commands(finding):
                self.baton(*command[1:])
        self.baton("backup", "first")
        self.gate().touch()
        wait_until(lambda: set(self.doctor(code=1)) - {"disk"} == {"unservable"}, "the rest is cured")
        self.assertIn("error    1 task of type nobody waits", self.baton("doctor", code=1).out)

    def test_a_disk_below_the_reserve_and_a_damaged_task(self):
        self.start_broker()
        task = self.submit("echo", 1)
        self.broker.terminate()
        subprocess.run([program("DAMAGE_STORE"), str(self.data), "task", str(task)], check=True)
        self.broker = None
        self.start_broker(settings={"storage.reserve_bytes": "16384GiB"})
        found = self.doctor(code=1)
        self.assertEqual(found["damage"][0]["subject"], str(task))
        self.assertEqual(found["disk"][0]["severity"], "error")
        self.assertIn("new tasks are refused (storage.reserve_bytes is 16.0 TiB)", found["disk"][0]["what"])
        self.broker.terminate()
        answer = self.baton(*self.commands(found["damage"][0])[0][1:], "--json", code=1)
        self.assertEqual([finding["rule"] for finding in answer.json()["findings"]], ["store-damage"])

    def test_stores_of_stopped_brokers(self):
        self.start_broker()
        task = self.submit("echo", 1)
        in_use = self.baton("doctor", "--data-dir", str(self.data), code=1)
        self.assertIn("error    the store cannot be looked at", in_use.out)
        self.assertIn("stop the broker first: `systemctl stop batond`", in_use.out)
        self.broker.terminate()
        self.assertEqual(self.baton("doctor", "--data-dir", str(self.data)).out,
                         f"store {self.data}: nothing is wrong\n")
        subprocess.run([program("DAMAGE_STORE"), str(self.data), "pages"], check=True)
        damaged = self.baton("doctor", "--data-dir", str(self.data), code=1).out
        self.assertRegex(damaged, r"error    the store is damaged, \d findings: .*, the first one \S+: ")
        self.assertIn(f"nothing is lost, all of it can be rebuilt: `batond verify {self.data} --repair`", damaged)
        self.assertEqual(run_program([program("BATOND"), "verify", self.data, "--repair"]).code, 0)
        self.baton("doctor", "--data-dir", str(self.data))
        shutil.rmtree(self.data)
        missing = self.baton("doctor", "--data-dir", str(self.data), code=1).out
        self.assertIn("correct --data-dir: name the data directory of a stopped broker", missing)
        self.assertGreater(task, 0)

    def rule(self, address, code=5, *words):
        findings = self.doctor(*words, code=code, broker=address)
        self.assertEqual(len(findings), 1, findings)
        return next(iter(findings))

    def serve(self, answer):
        """The address of somebody who says this to whoever connects and says something, and hangs up."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(4096)
                    peer.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def test_why_a_broker_cannot_be_reached(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        self.assertEqual(self.rule(nobody), "refused")
        self.assertEqual(self.rule(f"unix:{self.folder}/nothing"), "refused")
        self.assertEqual(self.rule("no-such-host.invalid:7461"), "no-such-host")
        self.assertEqual(self.rule(self.serve(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")), "wrong-port")
        self.assertEqual(self.rule(self.serve(b"SSH-2.0-OpenSSH_9.2\r\n" * 20)), "wrong-port")
        # An alert of TLS: somebody speaks without it.
        self.assertEqual(self.rule(self.serve(b"\x15\x03\x01\x00\x02\x02\x46")), "tls")

    def test_a_broker_that_does_not_answer(self):
        self.start_broker()
        self.broker.freeze()
        self.assertEqual(self.rule(self.broker.address, 6, "--timeout", "500ms"), "no-answer")
        self.broker.thaw()
        self.assertEqual(self.doctor(code=0), {})


class ProfilesTest(ProcessTest):

    def test_a_profile_of_the_home_directory_is_taken(self):
        self.start_broker()
        config = self.folder / ".config" / "baton"
        config.mkdir(parents=True)
        (config / "config.toml").write_text(f'default = "here"\n[profile.here]\nbroker = "{self.broker.address}"\n'
                                            '[profile.there]\nbroker = "127.0.0.1:1"\n')
        home = {"HOME": str(self.folder), "XDG_CONFIG_HOME": "", "BATON_BROKER": ""}
        found = run_program([program("BATON"), "info", "-o", "json"], home)
        self.assertEqual(found.json()["listen_address"], self.broker.address)
        self.assertEqual(run_program([program("BATON"), "info"], {**home, "BATON_PROFILE": "there"}).code, 5)
        elsewhere = {**home, "XDG_CONFIG_HOME": str(self.folder / ".config"), "HOME": "/nonexistent"}
        listed = run_program([program("BATON"), "profiles", "-o", "json"], elsewhere)
        self.assertEqual([profile["profile"] for profile in json.loads(listed.out) if profile["in_force"]], ["here"])


if __name__ == "__main__":
    unittest.main()
