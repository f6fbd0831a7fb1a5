#!/usr/bin/env python3
"""TLS between the real programs: who gets in, who does not and is told why, and certificates that are renewed."""

import re
import signal
import ssl
import unittest
from pathlib import Path

import http2
from certificates import Authority, Pair
from harness import PATIENCE, Broker, Process, ProcessTest, program, run_program, wait_until


class TlsTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.pair = self.authority.issue("broker")
        self.client_environment = {"BATON_TLS_CA": str(self.authority.certificate)}

    def start_with_tls(self, pair=None, **settings):
        pair = pair or self.pair
        return self.start_broker(settings={"tls.certificate": str(pair.certificate), "tls.private_key": str(pair.key),
                                           "workers.beat_interval": "500ms", "workers.beat_window": "10s", **settings})

    def ask(self, *flags, address=None, **environment):
        """`baton info`, with nothing in the environment but what is given."""
        clean = {"BATON_TLS_CA": "", **environment}
        return run_program([program("BATON"), "--timeout", "10s", "--broker", address or self.broker.address, *flags,
                            "info"], clean)

    def refused(self, *flags, **options):
        """What the command line says when it does not get in."""
        answer = self.ask(*flags, **options)
        self.assertEqual((answer.code, answer.out), (5, ""), answer.err)
        self.assertTrue(answer.err.startswith("baton: cannot reach a broker at"), answer.err)
        return answer.err

    def as_client(self, pair):
        return {"BATON_TLS_CA": str(self.authority.certificate), "BATON_TLS_CERT": str(pair.certificate),
                "BATON_TLS_KEY": str(pair.key)}

    def check_works(self):
        self.assertEqual(self.wait_for_end(self.submit("echo", {"n": 1}))["result"], {"n": 1})

    def served_serial(self):
        """The number of the certificate that a new connection is shown."""
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        context.set_alpn_protocols(["h2"])
        with http2.connect(self.broker.address) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as encrypted:
                return encrypted.getpeercert()["serialNumber"]


class ConnectionTest(TlsTest):

    def test_command_line_and_worker(self):
        self.start_with_tls()
        self.assertIn(f"serving on {self.broker.address} with TLS ", self.broker.out())
        self.start_worker()
        self.check_works()
        ca = str(self.authority.certificate)
        for flags, environment in [
            (["--tls-ca", ca], {}),
            (["--tls-ca", ca, "--tls"], {}),
            ([], {"BATON_TLS_CA": ca}),
            (["--tls-ca", ca, "--tls-server-name", "localhost"], {}),
        ]:
            answer = self.ask(*flags, **environment)
            self.assertEqual(answer.code, 0, answer.err)
        answer = self.ask("--tls-ca", ca, address=f"tls://{self.broker.address}")
        self.assertEqual(answer.code, 0, answer.err)

    def test_programs_that_use_the_library(self):
        self.start_with_tls()
        environment = {"BATON_BROKER": f"tls://{self.broker.address}", **self.client_environment}
        worker = Process(self.folder, "hello", [program("README_WORKER")], environment)
        self.processes.append(worker)
        answer = run_program([program("README_CLIENT")], environment)
        self.assertEqual((answer.code, answer.out), (0, "Hello, world!\n"), answer.err)
        self.assertEqual(worker.terminate(), 0)

    def test_certificates_that_are_made_as_documented(self):
        readme = (Path(program("SOURCE_ROOT")) / "deploy" / "README.md").read_text()
        commands = next(block for block in re.findall(r"^```sh\n(.*?)^```$", readme, re.M | re.S) if "openssl" in block)
        made = run_program(["bash", "-ec", f"cd '{self.folder}'\n{commands}"])
        self.assertEqual(made.code, 0, made.err)
        self.start_with_tls(Pair(self.folder / "broker.pem", self.folder / "broker.key"))
        for address in (self.broker.address, self.broker.address.replace("127.0.0.1", "localhost")):
            answer = self.ask("--tls-ca", str(self.folder / "ca.pem"), address=address)
            self.assertEqual(answer.code, 0, answer.err)

    def test_a_broker_of_another_authority(self):
        self.start_with_tls()
        other = Authority(self.folder, "other")
        line = self.refused("--tls-ca", other.certificate)
        self.assertIn("certificate verify failed", line)
        self.assertIn("--tls-ca", line)
        # Nor is one trusted that the system does not know.
        self.assertIn("certificate verify failed", self.refused("--tls"))

    def test_a_broker_of_another_name(self):
        self.start_with_tls(self.authority.issue("elsewhere", names="DNS:broker.example"))
        ca = str(self.authority.certificate)
        line = self.refused("--tls-ca", ca)
        self.assertIn("127.0.0.1", line)
        self.assertIn("--tls-server-name", line)
        answer = self.ask("--tls-ca", ca, "--tls-server-name", "broker.example")
        self.assertEqual(answer.code, 0, answer.err)

    def test_a_certificate_that_expires_while_the_broker_serves(self):
        self.start_with_tls(self.authority.issue("short", lifetime=12))
        wait_until(lambda: "expires at" in self.broker.log(), "it warns")
        expired = wait_until(lambda: self.ask(BATON_TLS_CA=str(self.authority.certificate)).err, "it expires")
        self.assertIn("certificate verify failed", expired)
        self.assertIn("expired", expired)
        # A new one is taken over without a restart.
        short = self.authority.folder / "short.pem"
        self.pair.certificate.rename(short)
        self.pair.key.rename(short.with_suffix(".key"))
        wait_until(lambda: self.ask(BATON_TLS_CA=str(self.authority.certificate)).code == 0, "it is renewed")

    def test_plain_text_to_a_port_with_tls(self):
        self.start_with_tls()
        line = self.refused()
        self.assertIn("tls://", line)
        self.assertIn("--tls-ca", line)
        worker = Process(self.folder, "plain", [program("TEST_WORKER")], {"BATON_BROKER": self.broker.address})
        self.processes.append(worker)
        wait_until(lambda: "tls://" in worker.log(), lambda: f"the worker says so:\n{worker.log()}")

    def test_tls_to_a_port_without(self):
        self.start_broker()
        line = self.refused("--tls")
        self.assertIn("does not speak TLS", line)
        worker = Process(self.folder, "encrypted", [program("TEST_WORKER")],
                         {"BATON_BROKER": self.broker.address, **self.client_environment})
        self.processes.append(worker)
        wait_until(lambda: "does not speak TLS" in worker.log(), lambda: f"the worker says so:\n{worker.log()}")

    def test_files_that_cannot_be_used_are_named(self):
        self.start_with_tls()
        other = self.authority.issue("other")
        missing = self.folder / "missing.pem"
        for flags, words in [
            (["--tls-ca", missing], ["CA file", str(missing), "No such file"]),
            (["--tls-ca", self.folder], ["CA file", "Is a directory"]),
            (["--tls-cert", self.pair.certificate], ["client certificate", "no client key"]),
            (["--tls-key", self.pair.key], ["client key", "no client certificate"]),
            (["--tls-cert", self.pair.certificate, "--tls-key", other.key], ["client key", "does not belong"]),
            (["--tls-ca", self.pair.key], ["CA file", str(self.pair.key)]),
        ]:
            answer = self.ask(*map(str, flags))
            self.assertEqual(answer.code, 2, answer.err)
            for word in words:
                self.assertIn(word, answer.err)
        # A worker does not begin at all.
        worker = Process(self.folder, "worker", [program("TEST_WORKER")],
                         {"BATON_BROKER": self.broker.address, "BATON_TLS_CA": str(missing)})
        self.processes.append(worker)
        self.assertNotEqual(worker.wait(), 0)
        self.assertIn(str(missing), worker.log())


class MutualTest(TlsTest):

    def setUp(self):
        super().setUp()
        self.clients = Authority(self.folder, "clients")

    def start_mutual(self):
        return self.start_with_tls(**{"tls.client_ca": str(self.clients.certificate)})

    def test_a_worker_shows_its_certificate_also_if_its_first_address_needed_none(self):
        client = self.as_client(self.clients.issue("client", usage="clientAuth"))
        settings = {"tls.certificate": str(self.pair.certificate), "tls.private_key": str(self.pair.key),
                    "tls.client_ca": str(self.clients.certificate)}
        other = Broker(self.folder, self.folder / "other-data", settings=settings, name="batond-2")
        self.processes.append(other)
        self.start_broker(listen=f"unix:{self.folder}/one.sock")
        addresses = f"{self.broker.address},tls://{other.address}"
        worker = Process(self.folder, "worker", [program("TEST_WORKER")], {"BATON_BROKER": addresses, **client})
        self.processes.append(worker)
        connected = lambda: worker.log().count("connected to")
        wait_until(lambda: connected() == 1, lambda: f"it connects:\n{worker.log()}")
        self.broker.kill()
        wait_until(lambda: connected() == 2, lambda: f"it goes to the other one:\n{worker.log()}")

    def test_who_shows_a_certificate_gets_in(self):
        self.client_environment = self.as_client(self.clients.issue("client", usage="clientAuth"))
        self.start_mutual()
        self.start_worker()
        self.check_works()
        client = self.client_environment
        answer = self.ask("--tls-ca", client["BATON_TLS_CA"], "--tls-cert", client["BATON_TLS_CERT"], "--tls-key",
                          client["BATON_TLS_KEY"])
        self.assertEqual(answer.code, 0, answer.err)

    def test_who_shows_none_or_another_one_does_not(self):
        self.start_mutual()
        self.assertIn("--tls-cert", self.refused(BATON_TLS_CA=str(self.authority.certificate)))
        stranger = self.authority.issue("stranger")
        self.assertIn("--tls-cert", self.refused(**self.as_client(stranger)))
        early = self.clients.issue("early", begins=3600)
        self.assertIn("--tls-cert", self.refused(**self.as_client(early)))
        expired = self.clients.issue("expired", lifetime=-60)
        answer = self.ask(**self.as_client(expired))
        self.assertEqual(answer.code, 2)
        self.assertIn("has expired", answer.err)
        worker = Process(self.folder, "stranger", [program("TEST_WORKER")],
                         {"BATON_BROKER": self.broker.address, **self.as_client(stranger)})
        self.processes.append(worker)
        wait_until(lambda: "BATON_TLS_CERT" in worker.log(), lambda: f"the worker says why:\n{worker.log()}")


class RenewalTest(TlsTest):

    def session(self):
        return [worker["connected_at"] for worker in self.baton("workers", "-o", "jsonl").json_lines()]

    def check_new_clients_see(self, serial):
        wait_until(lambda: self.served_serial() == serial, lambda: f"{serial} is served:\n{self.broker.log()}")

    def test_a_renewed_certificate_is_for_new_connections_and_open_ones_stay(self):
        self.start_with_tls()
        self.start_worker()
        self.check_works()
        session, before = self.session(), self.served_serial()
        self.assertEqual(before, self.pair.serial())
        self.pair.replace_by(self.authority.issue("renewed"))
        self.assertNotEqual(self.pair.serial(), before)
        self.check_new_clients_see(self.pair.serial())
        self.check_works()
        self.assertEqual(self.session(), session, "the worker noticed nothing")
        self.assertNotIn("stays in use", self.broker.log())

    def test_files_that_cannot_be_used_change_nothing(self):
        self.start_with_tls()
        before = self.served_serial()
        text = self.pair.certificate.read_text()
        self.pair.certificate.write_text("half a certif")
        wait_until(lambda: "stays in use" in self.broker.log(), "the log tells")
        self.assertIn(f"setting tls.certificate is '{self.pair.certificate}', which holds no certificate",
                      self.broker.log())
        self.assertEqual(self.served_serial(), before)
        self.pair.certificate.unlink()
        wait_until(lambda: "No such file" in self.broker.log(), "the log tells")
        self.assertEqual(self.served_serial(), before)
        self.pair.certificate.write_text(text)
        self.pair.replace_by(self.authority.issue("renewed"))
        self.check_new_clients_see(self.pair.serial())

    def test_a_signal_has_the_files_read_again(self):
        self.start_with_tls()
        loaded = lambda: self.broker.log().count("TLS with the certificate of CN = broker")
        before = loaded()
        self.broker.signal(signal.SIGHUP)
        # Though nothing has changed.
        wait_until(lambda: loaded() == before + 1, "they are read")
        self.pair.key.chmod(0o644)
        self.broker.signal(signal.SIGHUP)
        wait_until(lambda: f"chmod 600 {self.pair.key}" in self.broker.log(), "the log tells")
        self.assertEqual(self.served_serial(), self.pair.serial())

    def test_a_worker_reads_its_files_again_when_it_connects_again(self):
        client = self.authority.issue("client")
        ca = self.folder / "trusted.pem"
        ca.write_text(self.authority.certificate.read_text())
        self.client_environment = {**self.as_client(client), "BATON_TLS_CA": str(ca)}
        self.start_with_tls(**{"tls.client_ca": str(self.authority.certificate)})
        worker = self.start_worker()
        self.check_works()
        connected = worker.log().count("connected to")
        # Everything is issued anew, by another authority: the old files would not do on either side.
        self.broker.kill()
        self.authority = Authority(self.folder, "successor")
        client.replace_by(self.authority.issue("client"))
        ca.write_text(self.authority.certificate.read_text())
        self.start_with_tls(self.authority.issue("broker"), **{"tls.client_ca": str(self.authority.certificate)})
        wait_until(lambda: worker.log().count("connected to") > connected,
                   lambda: f"the worker is back:\n{worker.log()}", 2 * PATIENCE)
        self.check_works()


if __name__ == "__main__":
    unittest.main()
