#!/usr/bin/env python3
"""Clients that flood, dawdle or talk nonsense: each costs bounded memory, and the others do not notice.

Frames are made by hand (http2.py), as no library would send them. Bounds are far below what the client asks for and far
above what the broker needs, so that neither the allocator nor a slow machine matters.
"""

import os
import resource
import socket
import struct
import unittest
from pathlib import Path

import http2
from harness import ProcessTest, program, run_program, wait_until

MIB = 1 << 20
SUBMIT = "baton.v1.TaskBroker/Submit"
GET = "baton.v1.TaskBroker/Get"
CLAIM = "baton.v1.TaskBroker/Claim"
WATCH = "baton.v1.TaskAdmin/Watch"


def get_with_payload(task):
    return http2.number_field(1, task) + http2.field(2, http2.number_field(1, 1))


def hello(worker_id, task_type, slots):
    handler = http2.field(2, http2.field(1, task_type.encode()))
    said = (http2.number_field(1, 1) + http2.field(2, worker_id.encode()) + http2.field(3, b"instance") +
            http2.field(6, handler + http2.number_field(3, slots)))
    return http2.field(1, said)


class OverloadTest(ProcessTest):
    # Little for the store, so that what clients cost is what shows.
    settings = {"server.transport_bytes": "64MiB", "server.unread_bytes": "16MiB", "limits.interruptions": 1000,
                "storage.memtable_bytes": "16MiB", "storage.block_cache_bytes": "16MiB"}

    def setUp(self):
        super().setUp()
        self.sockets = []
        self.addCleanup(lambda: [one.close() for one in self.sockets])
        self.start_broker()
        self.start_worker("honest", concurrency=8)
        # What a broker needs anyway is there from here on.
        self.others_go_on()
        self.memory_at_first = self.memory()

    def connection(self, **options):
        connection = http2.Connection(self.broker.address, **options)
        self.sockets.append(connection)
        return connection

    def raw_socket(self):
        client = http2.connect(self.broker.address)
        self.sockets.append(client)
        return client

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.broker.popen.pid}/fd"))

    def memory(self):
        status = Path(f"/proc/{self.broker.popen.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024

    def assert_memory_grew_less_than(self, most):
        grown = self.memory() - self.memory_at_first
        self.assertLess(grown, most, f"{grown / MIB:.0f} MiB more than at first")

    def try_submit(self):
        answer = run_program([program("BATON"), "--broker", self.broker.address, "--timeout", "20s", "submit", "echo",
                              "--json", "1", "--quiet"])
        return int(answer.out) if answer.code == 0 else None

    def others_go_on(self):
        """A client that comes new is served, and its task runs."""
        self.assertTrue(self.broker.runs(), self.broker.log())
        task = wait_until(self.try_submit, lambda: f"a task is taken:\n{self.broker.log()}", 60)
        wait_until(lambda: self.has_ended(task), f"task {task} ends", 60)

    def has_ended(self, task):
        answer = run_program([program("BATON"), "--broker", self.broker.address, "get", str(task), "-o", "json"])
        return answer.code == 0 and answer.json()["state"] == "COMPLETED"

    def large_task(self, size, *options):
        path = self.folder / "large"
        path.write_bytes(b"x" * size)
        return [int(task) for task in
                self.baton("submit", "large", "--data", f"@{path}", "--quiet", *options).out.split()]


class NonsenseTest(OverloadTest):

    def test_what_is_not_grpc_costs_only_its_own_connection(self):
        headers = http2.call_headers(GET)
        settings = http2.PREFACE + http2.frame(http2.SETTINGS)
        nonsense = {
            "random bytes": bytes(range(256)) * 64,
            "zeros": bytes(100_000),
            "HTTP/1": b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
            "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(508),
            "half a preface": http2.PREFACE[:10],
            "no settings": http2.PREFACE + http2.frame(http2.PING, payload=bytes(8)),
            "a frame longer than allowed": settings + b"\xff\xff\xff\x00\x00" + bytes(100_000),
            "data of no stream": settings + http2.frame(http2.DATA, 0, b"x"),
            "data of a stream that is not open": settings + http2.frame(http2.DATA, 7, b"x"),
            "a stream of the server's": settings + http2.frame(http2.HEADERS, 2, headers, http2.END_HEADERS),
            "settings of seven bytes": settings + http2.frame(http2.SETTINGS, payload=bytes(7)),
            "a ping of three bytes": settings + http2.frame(http2.PING, payload=bytes(3)),
            "a window of nothing more": settings + http2.frame(http2.WINDOW_UPDATE, payload=bytes(4)),
            "a window too large": settings + 3 * http2.frame(http2.WINDOW_UPDATE, payload=b"\x7f\xff\xff\xff"),
            "a reset of no stream": settings + http2.frame(http2.RST_STREAM, 0, bytes(4)),
            "a push": settings + http2.frame(http2.PUSH_PROMISE, 1, bytes(4) + headers),
            "headers that go on without a beginning": settings + http2.frame(http2.CONTINUATION, 1, headers),
            "headers that are cut off": settings + http2.frame(http2.HEADERS, 1, headers[:-5], http2.END_HEADERS),
            "an index out of the table": settings + http2.frame(http2.HEADERS, 1, b"\xff\xff\x7f", http2.END_HEADERS),
            "frames of unknown kinds": settings + 100 * http2.frame(200, 1, b"x" * 100),
            "half a frame": settings + b"\0\0\x10\0",
        }
        before = self.descriptors()
        for what, data in nonsense.items():
            with self.subTest(what):
                self.talk(data)
                self.assertTrue(self.broker.runs(), self.broker.log())
        self.others_go_on()
        wait_until(lambda: self.descriptors() <= before, lambda: f"connections are closed: {self.descriptors()}")
        self.assert_memory_grew_less_than(64 * MIB)

    def talk(self, data):
        with http2.connect(self.broker.address) as client:
            try:
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                # A broker that waits for more does not get it: the connection is half closed.
                while client.recv(65536):
                    pass
            except (ConnectionResetError, BrokenPipeError, OSError):
                pass

    def test_calls_with_broken_messages_are_refused_and_the_connection_goes_on(self):
        connection = self.connection()
        for payload in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", bytes(1000)):
            connection.call(SUBMIT, payload)
        # The length of a message says 4 GiB; one is compressed in no known way; one ends within its prefix.
        for data in (b"\0\xff\xff\xff\xffx", b"\1\0\0\0\1x", b"\0\0"):
            stream = connection.open_call(SUBMIT)
            connection.send(http2.frame(http2.DATA, stream, data, http2.END_STREAM))
        ended = set()
        while len(ended) < 6:
            kind, flags, stream, _ = connection.read_frame()
            if stream != 0 and (kind == http2.RST_STREAM or flags & http2.END_STREAM):
                ended.add(stream)
        self.others_go_on()

    def test_half_closed_calls_and_connections_end(self):
        before = self.descriptors()
        for _ in range(100):
            connection = self.connection()
            connection.open_call(SUBMIT)
            connection.call(CLAIM, hello("half", "none", 1), end=False)
            connection.socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: self.descriptors() <= before, lambda: f"connections are closed: {self.descriptors()}")
        self.others_go_on()


class FloodTest(OverloadTest):

    def flood(self, connection, data, times):
        """Sends until the broker has enough of it, or all was sent."""
        connection.socket.settimeout(5)
        try:
            for _ in range(times):
                connection.send(data)
        except OSError:
            pass  # Closed, or not read any more.

    def test_pings_and_settings(self):
        self.flood(self.connection(), 1000 * http2.frame(http2.PING, payload=bytes(8)), 500)
        changes = b"".join(http2.frame(http2.SETTINGS, payload=struct.pack(">HI", http2.INITIAL_WINDOW_SIZE, size))
                           for size in range(1000))
        self.flood(self.connection(), changes, 500)
        self.others_go_on()
        self.assert_memory_grew_less_than(256 * MIB)

    def test_calls_that_are_reset_at_once(self):
        connection = self.connection()
        for _ in range(20):
            calls = []
            for _ in range(500):
                data, stream = connection.call_frames(GET, http2.number_field(1, 1), end=False)
                calls.append(data + http2.frame(http2.RST_STREAM, stream, struct.pack(">I", 8)))
            self.flood(connection, b"".join(calls), 1)
        self.others_go_on()
        self.assert_memory_grew_less_than(256 * MIB)

    def test_headers_without_end(self):
        connection = self.connection()
        connection.send(http2.frame(http2.HEADERS, 1, http2.call_headers(GET)))
        block = http2.header_block([("x", "y" * 16_000)])
        self.flood(connection, 64 * http2.frame(http2.CONTINUATION, 1, block), 30)
        self.others_go_on()
        # What gRPC keeps of them, more than it should, goes with the connection.
        connection.close()
        wait_until(lambda: self.memory() - self.memory_at_first < 64 * MIB, "their memory is given back", 60)
        self.others_go_on()


class UnreadTest(OverloadTest):

    def test_answers_that_nobody_reads(self):
        task, = self.large_task(MIB - 1000)
        for _ in range(3):
            connection = self.connection(window=0)
            for _ in range(300):
                connection.call(GET, get_with_payload(task))
        wait_until(lambda: "does not read its answers" in self.broker.log(), "calls are cancelled")
        self.others_go_on()
        # 900 MiB were asked for.
        self.assert_memory_grew_less_than(300 * MIB)

    def test_a_worker_that_does_not_read(self):
        stuck = self.connection(window=0)
        stuck.call(CLAIM, hello("stuck", "large", 10_000), end=False)
        wait_until(lambda: len(self.baton("workers", "-o", "jsonl").json_lines()) == 2, "the worker is there")
        for _ in range(10):
            self.large_task(MIB - 1000, "--count", "20")
        self.others_go_on()
        self.assert_memory_grew_less_than(350 * MIB)
        counts = self.baton("stats", "-o", "json").json()["counts"]
        self.assertGreater(int(counts["pending"]), 50, "it was not given all that it asked for")

    def test_a_watcher_that_does_not_read(self):
        stuck = self.connection(window=0)
        stuck.call(WATCH, b"")
        for _ in range(10):
            self.baton("submit", "watched", "--count", "1000", "--json", '"' + 200 * "x" + '"', "--quiet")
        self.others_go_on()
        self.assert_memory_grew_less_than(256 * MIB)

    def test_requests_that_never_end(self):
        request = http2.message(http2.field(1, b"x" * (3 * MIB)))
        for _ in range(3):
            try:
                sender = http2.PatientSender(self.connection())
                for _ in range(100):
                    sender.begin(SUBMIT, request[:-1000])
                sender.send_what_the_windows_allow(seconds=5)
            except OSError:
                pass  # The broker takes no connection while it has no memory for it.
        self.others_go_on()
        # 900 MiB were to come.
        self.assert_memory_grew_less_than(400 * MIB)


class SilentWorkerTest(OverloadTest):
    settings = OverloadTest.settings | {"workers.beat_interval": "500ms", "workers.beat_window": "3s"}

    def test_a_worker_that_claims_and_says_nothing_more(self):
        silent = self.connection()
        silent.call(CLAIM, hello("silent", "hold", 100), end=False)
        wait_until(lambda: len(self.baton("workers", "-o", "jsonl").json_lines()) == 2, "the worker is there")
        gate = self.gate()
        tasks = [self.submit("hold", {"until": str(gate)}) for _ in range(12)]
        gate.touch()
        for task in tasks:
            self.assertEqual(self.wait_for_end(task)["worker_id"], "honest")


class ConnectionsTest(OverloadTest):

    def test_thousands_of_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(2000, hard - 500)
        for number in range(count):
            # Some are silent, some have said hello, some have a call under way.
            if number % 3 == 0:
                self.raw_socket()
            else:
                connection = self.connection()
                if number % 3 == 2:
                    connection.call(CLAIM, b"", end=False)
        self.others_go_on()
        self.assert_memory_grew_less_than(300 * MIB)


class TooManyConnectionsTest(OverloadTest):
    settings = OverloadTest.settings | {"server.max_connections": 10}

    def test_more_than_allowed_are_closed_and_later_ones_are_served_again(self):
        for _ in range(900):
            self.raw_socket()
        wait_until(lambda: "too many connections" in self.broker.log(), "some are refused")
        self.assertLess(self.descriptors(), 10 + 640 + 50)
        for one in self.sockets:
            one.close()
        self.others_go_on()


class DescriptorsTest(OverloadTest):

    def limit(self, count):
        resource.prlimit(self.broker.popen.pid, resource.RLIMIT_NOFILE, (count, self.hard))

    def setUp(self):
        super().setUp()
        _, self.hard = resource.prlimit(self.broker.popen.pid, resource.RLIMIT_NOFILE)

    def session(self):
        return [worker["connected_at"] for worker in self.baton("workers", "-o", "jsonl").json_lines()]

    def check_listener_outlives_shortage(self, limit):
        before, session = self.descriptors(), self.session()
        self.limit(limit)
        for _ in range(200):
            self.raw_socket()
        wait_until(lambda: "too many connections" in self.broker.log(), "some are refused")
        for one in self.sockets:
            one.close()
        self.limit(self.hard)
        wait_until(lambda: self.descriptors() <= before + 5, lambda: f"they are closed: {self.descriptors()}")
        self.others_go_on()
        self.assertEqual(self.session(), session, "who was connected before noticed nothing")

    def test_connections_leave_descriptors_to_the_store(self):
        self.check_listener_outlives_shortage(160)

    def test_the_listener_survives_that_there_are_none_at_all(self):
        self.check_listener_outlives_shortage(self.descriptors())


if __name__ == "__main__":
    unittest.main()
