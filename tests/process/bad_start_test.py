#!/usr/bin/env python3
"""Starts of a broker that cannot work: one precise line, the right exit code, and nothing is changed or disturbed.

Exit codes: 1 the broker could not start, 2 a flag or a setting is wrong.
"""

import socket
import subprocess
import unittest

from harness import Broker, ProcessTest, program, run_program, write_settings


class BadStartTest(ProcessTest):

    def refused(self, code, *words, data=None, listen="127.0.0.1:0"):
        """The one line that a refused start prints."""
        command = [program("BATOND"), "--data-dir", str(data or self.data), "--listen", listen, *words]
        answer = run_program(command)
        self.assertEqual(answer.code, code, f"{command}\n{answer.out}\n{answer.err}")
        self.assertEqual(answer.out, "")
        # Messages of the log may come first.
        lines = [line for line in answer.err.splitlines() if line.startswith("batond: ")]
        self.assertEqual(len(lines), 1, answer.err)
        self.assertEqual(answer.err.splitlines()[-1], lines[0])
        return lines[0]

    def refused_settings(self, text):
        path = self.folder / "batond.toml"
        path.write_text(text)
        line = self.refused(2, "--config", str(path))
        self.assertFalse(self.data.exists(), "a refused configuration leaves nothing behind")
        return line

    def check_unharmed(self):
        self.start_worker()
        self.assertEqual(self.wait_for_end(self.submit("echo", {"n": 1}))["result"], {"n": 1})

    def test_a_data_directory_in_use_is_refused_and_its_broker_unharmed(self):
        self.start_broker()
        line = self.refused(1)
        self.assertIn(f"data directory {self.data} is in use by another batond", line)
        self.check_unharmed()

    def test_a_port_in_use_is_refused_and_its_broker_unharmed(self):
        self.start_broker()
        other = self.folder / "other"
        line = self.refused(1, listen=self.broker.address, data=other)
        self.assertIn(f"cannot listen on {self.broker.address}: Address already in use", line)
        self.assertFalse(other.exists(), "nothing was created")
        self.check_unharmed()

    def test_a_socket_in_use_is_refused_and_its_broker_unharmed(self):
        address = f"unix:{self.folder}/batond.sock"
        self.start_broker(listen=address)
        line = self.refused(1, listen=address, data=self.folder / "other")
        self.assertIn(f"cannot listen on {address}: another process serves this socket", line)
        self.check_unharmed()

    def test_a_socket_left_by_a_killed_broker_is_taken_over(self):
        address = f"unix:{self.folder}/batond.sock"
        self.start_broker(listen=address)
        self.broker.kill()
        self.start_broker(listen=address)
        self.check_unharmed()

    def test_an_unknown_setting_is_refused_with_the_nearest_name(self):
        line = self.refused_settings("[workers]\nbeat_intervall = '1s'\n")
        self.assertIn("batond.toml:2: there is no setting 'workers.beat_intervall'", line)
        self.assertIn("the nearest is 'workers.beat_interval'", line)

    def test_a_setting_that_cannot_be_is_refused_with_what_is_allowed(self):
        for text, words in [
            ("[workers]\nbeat_interval = 'soon'\n", ["workers.beat_interval", "soon"]),
            ("[limits]\npayload_bytes = '2MiB'\n", ["limits.payload_bytes", "1"]),
            ("[defaults]\npriority = 21\n", ["defaults.priority", "21", "20"]),
            ("[server]\nlog_level = 'loud'\n", ["server.log_level", "loud", "warning"]),
            ("[workers]\nbeat_window = '4s'\n", ["workers.beat_window", "workers.beat_interval"]),
            ("[server]\nlisten = ['a']\n", ["server.listen"]),
            ("[server\n", ["batond.toml:1", "not TOML"]),
        ]:
            line = self.refused_settings(text)
            for word in words:
                self.assertIn(word, line)

    def test_an_unreadable_configuration_is_refused(self):
        missing = self.folder / "missing.toml"
        self.assertIn(f"cannot read the configuration file {missing}: No such file or directory",
                      self.refused(2, "--config", str(missing)))
        self.assertIn("Is a directory", self.refused(2, "--config", str(self.folder)))

    def test_an_unknown_flag_is_refused(self):
        answer = run_program([program("BATOND"), "--data-dri", "x"])
        self.assertEqual(answer.code, 2)
        self.assertIn("--data-dri", answer.err)

    def test_an_address_that_other_machines_reach_is_refused(self):
        for address in ("0.0.0.0:7461", "[::]:7461", "192.0.2.1:7461"):
            line = self.refused(2, listen=address)
            self.assertIn(f"server.listen is '{address}', which can be reached from other machines", line)
            self.assertIn("tls.certificate", line)
            self.assertIn("access.tokens_file", line)
        self.assertFalse(self.data.exists())

    def test_an_address_that_is_none_is_refused(self):
        for address in ("127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", ":7461", "unix:", "unix:/" + "x" * 200):
            self.assertIn(f"server.listen is '{address}'", self.refused(2, listen=address))

    def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(self):
        self.start_broker()
        self.submit("echo", 1)
        self.broker.terminate()
        subprocess.run([program("RAISE_FORMAT"), str(self.data)], check=True)
        for _ in range(2):
            line = self.refused(1)
            self.assertIn("format version 2, written by batond 99.0.0", line)
            self.assertIn("Start a newer batond", line)

    def test_a_damaged_store_is_refused_with_the_way_out(self):
        self.start_broker()
        for _ in range(20):
            self.baton("submit", "echo", "--count", "1000", "--quiet")
        incarnation = self.baton("info", "-o", "json").json()["incarnation"]
        self.broker.kill()
        log = max(self.data.glob("*.log"), key=lambda path: path.stat().st_size)
        with log.open("r+b") as file:
            file.seek(log.stat().st_size // 2)
            file.write(b"\xff" * 64)
        line = self.refused(1)
        self.assertIn(f"data directory {self.data} is damaged", line)
        self.assertIn("point-in-time", line)
        # What it says works: everything before the damage is there.
        self.broker = Broker(self.folder, self.data, name="recovered", listen="127.0.0.1:0",
                             settings={"storage.recover": "point-in-time"})
        self.processes.append(self.broker)
        left = self.baton("stats", "-o", "json").json()["counts"]["pending"]
        self.assertTrue(0 < left < 20_000, left)
        self.assertEqual(left % 1000, 0, "a call is stored whole or not at all")
        # Ids and attempts of what was dropped are given out again: who has old tokens must be told.
        self.assertNotEqual(self.baton("info", "-o", "json").json()["incarnation"], incarnation)

    def test_a_store_without_its_root_file_is_refused_not_emptied(self):
        self.start_broker()
        self.submit("echo", 1)
        self.broker.kill()
        before = {path.name: path.stat().st_size for path in self.data.iterdir()}
        (self.data / "CURRENT").rename(self.folder / "CURRENT")
        self.assertIn("no file CURRENT", self.refused(1))
        (self.folder / "CURRENT").rename(self.data / "CURRENT")
        after = {path.name: path.stat().st_size for path in self.data.iterdir()}
        self.assertEqual({name: size for name, size in before.items() if name in after and size == after[name]}, before)
        self.start_broker()
        self.assertEqual(self.get(1)["state"], "PENDING")

    def test_a_file_in_place_of_the_data_directory_is_refused(self):
        self.data.write_text("not a directory")
        self.assertIn(f"data directory {self.data}", self.refused(1))
        self.assertEqual(self.data.read_text(), "not a directory")

    def test_the_printed_configuration_is_read_back_unchanged(self):
        settings = write_settings(self.folder / "some.toml", {"workers.grace": "2s", "limits.items": 10})
        printed = run_program([program("BATOND"), "--config", settings, "--print-config"])
        (self.folder / "all.toml").write_text(printed.out)
        again = run_program([program("BATOND"), "--config", self.folder / "all.toml", "--print-config"])
        self.assertEqual((again.code, again.out), (0, printed.out))
        self.assertIn('grace = "2s"', printed.out)

    def test_a_port_is_free_again_at_once_after_a_kill(self):
        self.start_broker()
        host, port = self.broker.address.split(":")
        with socket.create_connection((host, int(port))):
            self.broker.kill()
            self.start_broker()
        self.check_unharmed()


if __name__ == "__main__":
    unittest.main()
