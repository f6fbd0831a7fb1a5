#!/usr/bin/env python3
"""Settings of TLS, socket files and addresses that cannot be: one line, exit code 2, nothing touched. Limits."""

import os
import stat
import unittest

import http2
from certificates import DAY, Authority, openssl
from harness import ProcessTest, program, run_program, wait_until, write_settings


class TlsStartTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.pair = self.authority.issue("broker")

    def refused(self, settings, listen="127.0.0.1:0"):
        """The one line that a refused start prints."""
        path = write_settings(self.folder / "refused.toml", {name: str(value) for name, value in settings.items()})
        answer = run_program([program("BATOND"), "--data-dir", self.data, "--listen", listen, "--config", path])
        self.assertEqual((answer.code, answer.out), (2, ""), answer.err)
        self.assertEqual(answer.err.count("\n"), 1, answer.err)
        self.assertFalse(self.data.exists(), "nothing was created")
        return answer.err.strip()

    def refused_files(self, certificate, key, **more):
        return self.refused({"tls.certificate": certificate, "tls.private_key": key, **more})

    def test_a_file_that_cannot_be_read(self):
        missing = self.folder / "missing.pem"
        self.assertIn(f"setting tls.certificate is '{missing}', which cannot be read: No such file or directory",
                      self.refused_files(missing, self.pair.key))
        self.assertIn(f"setting tls.private_key is '{missing}', which cannot be read: No such file or directory",
                      self.refused_files(self.pair.certificate, missing))
        self.assertIn(f"setting tls.client_ca is '{missing}', which cannot be read: No such file or directory",
                      self.refused_files(self.pair.certificate, self.pair.key, **{"tls.client_ca": missing}))
        self.assertIn(f"setting tls.certificate is '{self.folder}', which is not a file",
                      self.refused_files(self.folder, self.pair.key))

    def test_a_file_that_holds_something_else(self):
        text = self.folder / "text.pem"
        text.write_text("hello\n")
        text.chmod(0o600)
        self.assertIn(f"setting tls.certificate is '{text}', which holds no certificate",
                      self.refused_files(text, self.pair.key))
        self.assertIn(f"setting tls.private_key is '{text}', which holds no private key",
                      self.refused_files(self.pair.certificate, text))
        self.assertIn(f"setting tls.client_ca is '{text}', which holds no certificate",
                      self.refused_files(self.pair.certificate, self.pair.key, **{"tls.client_ca": text}))
        damaged = self.folder / "damaged.pem"
        damaged.write_text(self.pair.certificate.read_text().replace("M", "!", 1))
        self.assertIn(f"setting tls.certificate is '{damaged}', which holds a damaged certificate",
                      self.refused_files(damaged, self.pair.key))

    def test_a_key_with_a_passphrase(self):
        secret = self.folder / "secret.key"
        openssl("pkey", "-in", self.pair.key, "-aes256", "-passout", "pass:secret", "-out", secret)
        secret.chmod(0o600)
        self.assertIn(f"setting tls.private_key is '{secret}', which is protected by a passphrase",
                      self.refused_files(self.pair.certificate, secret))

    def test_a_key_of_another_certificate(self):
        other = self.authority.issue("other")
        line = self.refused_files(self.pair.certificate, other.key)
        self.assertIn(f"setting tls.private_key is '{other.key}', which does not belong to the first certificate in "
                      f"'{self.pair.certificate}' (tls.certificate), that of CN = broker", line)

    def test_a_key_that_others_may_read(self):
        for mode in (0o640, 0o604, 0o620, 0o644):
            self.pair.key.chmod(mode)
            line = self.refused_files(self.pair.certificate, self.pair.key)
            self.assertIn(f"setting tls.private_key is '{self.pair.key}', which others than its owner may use (mode "
                          f"{mode:04o}): chmod 600 {self.pair.key}", line)

    def test_one_setting_without_the_other(self):
        self.assertIn(f"setting tls.certificate is '{self.pair.certificate}', but tls.private_key is not set",
                      self.refused({"tls.certificate": self.pair.certificate}))
        self.assertIn(f"setting tls.private_key is '{self.pair.key}', but tls.certificate is not set",
                      self.refused({"tls.private_key": self.pair.key}))
        self.assertIn(f"setting tls.client_ca is '{self.authority.certificate}', but tls.certificate is not set",
                      self.refused({"tls.client_ca": self.authority.certificate}))

    def test_a_certificate_out_of_its_time(self):
        expired = self.authority.issue("expired", lifetime=-60)
        line = self.refused_files(expired.certificate, expired.key)
        self.assertIn(f"setting tls.certificate is '{expired.certificate}', which has expired at 20", line)
        self.assertIn("(CN = expired)", line)
        early = self.authority.issue("early", begins=DAY)
        line = self.refused_files(early.certificate, early.key)
        self.assertIn(f"setting tls.certificate is '{early.certificate}', which is not valid before 20", line)

    def test_a_certificate_that_is_not_for_servers(self):
        client = self.authority.issue("client", usage="clientAuth")
        self.assertIn(f"setting tls.certificate is '{client.certificate}', which is not for servers",
                      self.refused_files(client.certificate, client.key))

    def test_a_certificate_for_a_socket_file(self):
        line = self.refused({"tls.certificate": self.pair.certificate, "tls.private_key": self.pair.key},
                            listen=f"unix:{self.folder}/batond.sock")
        self.assertIn(f"server.listen is 'unix:{self.folder}/batond.sock'", line)
        self.assertIn("not encrypted", line)

    def test_a_public_address_needs_tls_and_access_control(self):
        for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "host.invalid:0"):
            line = self.refused({}, listen=address)
            self.assertIn(f"setting server.listen is '{address}', which can be reached from other machines, but "
                          "tls.certificate and access.tokens_file are not set", line)
        tls = {"tls.certificate": self.pair.certificate, "tls.private_key": self.pair.key}
        # That clients show certificates is no substitute.
        for settings in (tls, {**tls, "tls.client_ca": self.authority.certificate}):
            self.assertIn("but access.tokens_file is not set, so everybody there could run and read tasks",
                          self.refused(settings, listen="0.0.0.0:0"))


class SocketModeTest(ProcessTest):

    def mode_of(self, **options):
        path = self.folder / "batond.sock"
        self.start_broker(listen=f"unix:{path}", **options)
        self.submit("echo", 1)
        mode = stat.S_IMODE(path.stat().st_mode)
        self.assertEqual(self.broker.terminate(), 0)
        self.assertFalse(path.exists())
        return mode

    def test_the_file_has_the_permissions_that_are_set(self):
        # Whatever the umask leaves or takes away.
        for umask in (0o000, 0o077, 0o022):
            before = os.umask(umask)
            try:
                self.assertEqual(self.mode_of(), 0o660)
                for mode in (0o600, 0o660, 0o666):
                    self.assertEqual(self.mode_of(settings={"server.socket_mode": f"{mode:04o}"}), mode)
            finally:
                os.umask(before)

    def test_other_permissions_are_refused(self):
        for value in ("0777", "660", "rw-rw----", ""):
            path = write_settings(self.folder / "refused.toml", {"server.socket_mode": value})
            answer = run_program([program("BATOND"), "--data-dir", self.data, "--config", path])
            self.assertEqual(answer.code, 2)
            self.assertIn(f"refused.toml:2: setting server.socket_mode is '{value}'", answer.err)
            self.assertIn("one of 0600, 0660, 0666", answer.err)


class LimitsTest(ProcessTest):
    settings = {"server.handshake_timeout": "500ms"}

    def test_a_connection_that_never_says_anything_is_closed(self):
        self.start_broker()
        self.check_silent_connections_are_closed()

    def test_a_handshake_of_tls_that_never_ends_is_cut_off(self):
        pair = Authority(self.folder).issue("broker")
        self.start_broker(settings={**self.settings, "tls.certificate": str(pair.certificate),
                                    "tls.private_key": str(pair.key)})
        # What begins a ClientHello of 512 bytes.
        self.check_silent_connections_are_closed(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")

    def check_silent_connections_are_closed(self, begin=b""):
        with http2.connect(self.broker.address) as client:
            client.sendall(begin)
            # As long as the connection is open there is nothing to read; at its end there is nothing but that.
            wait_until(lambda: not self.reads_until_closed(client), "the connection is closed")

    def reads_until_closed(self, client):
        try:
            return client.recv(65536)
        except ConnectionResetError:
            return b""

    def test_headers_larger_than_anybody_needs_are_refused(self):
        self.start_broker()
        self.assertIn(b"grpc-status\x015", self.trailers_of_call_with_header(6_000))
        refused = self.trailers_of_call_with_header(10_000)
        self.assertIn(b"grpc-status\x018", refused)
        self.assertIn(b"metadata size exceeds limit", refused)

    def test_more_calls_on_a_connection_than_allowed_cost_the_connection(self):
        self.start_broker(settings={"server.max_concurrent_streams": 3})
        connection, settings = self.connection_that_agrees()
        self.assertIn(b"\x00\x03\x00\x00\x00\x03", settings)
        for _ in range(3):
            connection.call("baton.v1.TaskAdmin/Watch", b"")
        answered = set()
        while len(answered) < 3:
            kind, _, stream, _ = connection.read_frame()
            answered |= {stream} if kind == http2.HEADERS else set()
        connection.call("baton.v1.TaskAdmin/Watch", b"")
        while (frame := connection.read_frame()) is not None:
            self.assertNotEqual(frame[:3:2], (http2.HEADERS, 7), "the fourth call is not taken")
        self.submit("echo", 1)

    def test_a_message_larger_than_allowed_is_refused(self):
        self.start_broker(settings={"limits.message_bytes": "2MiB"})
        payload = self.folder / "payload"
        payload.write_bytes(b"x" * 1_000_000)
        self.baton("submit", "large", "--data", f"@{payload}", "--count", "2")
        refused = self.baton("submit", "large", "--data", f"@{payload}", "--count", "3", code=2)
        self.assertRegex(refused.err, r"larger than max \(30\d+ vs. 2097152\)")

    def connection_that_agrees(self):
        """A connection, and the settings of the broker: gRPC holds to them only whoever has confirmed them."""
        connection = http2.Connection(self.broker.address)
        self.addCleanup(connection.close)
        kind, _, _, settings = connection.read_frame()
        self.assertEqual(kind, http2.SETTINGS)
        connection.send(http2.frame(http2.SETTINGS, flags=http2.ACK))
        return connection, settings

    def trailers_of_call_with_header(self, size):
        """How a call ends that asks for a task that is not there, beside a header of this size."""
        connection, _ = self.connection_that_agrees()
        block = http2.call_headers("baton.v1.TaskBroker/Get", ("x", "y" * size))
        connection.send(http2.frame(http2.HEADERS, 1, block, http2.END_HEADERS) +
                        http2.frame(http2.DATA, 1, http2.message(http2.number_field(1, 77)), http2.END_STREAM))
        return self.trailers(connection)

    def trailers(self, connection):
        """How the first call of a connection ends."""
        while True:
            kind, flags, stream, payload = connection.read_frame()
            if kind == http2.HEADERS and stream == 1 and flags & http2.END_STREAM:
                return payload


if __name__ == "__main__":
    unittest.main()
