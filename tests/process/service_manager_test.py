#!/usr/bin/env python3
"""What a broker tells the service manager that started it: systemd, for a unit with Type=notify."""

import os
import socket
import unittest

from harness import PATIENCE, ProcessTest


class ServiceManagerTest(ProcessTest):
    settings = {"server.drain_deadline": "20s"}

    def listen(self, name):
        """Listens where a service manager would; brokers started from now on know of it."""
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(PATIENCE)
        manager.bind("\0" + name[1:] if name.startswith("@") else name)
        self.tell_of(name)
        return manager

    def tell_of(self, name):
        os.environ["NOTIFY_SOCKET"] = name
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")

    def check_life(self, manager):
        self.start_broker()
        self.assertEqual(manager.recv(4096).decode().splitlines(),
                         ["READY=1", f"STATUS=serving on {self.broker.address}"])
        self.submit("echo")
        self.assertEqual(self.broker.terminate(), 0)
        # A minute more than the broker gives its workers.
        self.assertEqual(manager.recv(4096).decode().splitlines(),
                         ["STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC=80000000"])

    def test_ready_when_it_serves_and_stopping_when_it_drains(self):
        self.check_life(self.listen(str(self.folder / "notify")))

    def test_a_socket_without_a_file_will_do(self):
        self.check_life(self.listen(f"@{self.folder}/notify"))

    def test_a_broker_serves_though_nobody_listens(self):
        self.tell_of(str(self.folder / "nobody"))
        self.start_broker()
        self.submit("echo")
        self.assertEqual(self.broker.terminate(), 0)
        self.assertIn("cannot tell the service manager", self.broker.log())

    def test_a_name_that_is_too_long_is_told_and_does_no_harm(self):
        self.tell_of("/" + "x" * 200)
        self.start_broker()
        self.assertEqual(self.broker.terminate(), 0)
        self.assertIn("File name too long", self.broker.log())


if __name__ == "__main__":
    unittest.main()
