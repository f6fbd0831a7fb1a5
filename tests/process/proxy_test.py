#!/usr/bin/env python3
"""The proxy of deploy/SECURITY.md: nginx takes its settings as they stand there, and tasks go through it."""

import os
import re
import socket
import subprocess
import unittest
from pathlib import Path

from harness import PATIENCE, Process, ProcessTest, run_program, wait_until

NGINX = "/usr/sbin/nginx"


def example():
    page = (Path(os.environ["SOURCE_ROOT"]) / "deploy" / "SECURITY.md").read_text()
    return re.search(r"^```nginx\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]


class ProxyTest(ProcessTest):

    def configuration(self, servers):
        """A file with these servers that needs no rights and writes to the test's folder only."""
        for name in ("body", "fastcgi", "proxy", "scgi", "uwsgi"):
            servers = f"{name if name != 'body' else 'client_body'}_temp_path {self.folder}/{name};\n{servers}"
        path = self.folder / "nginx.conf"
        # What root starts would run as another user, who may not see this folder. One process: none outlives the test.
        user = "user root;\n" if os.geteuid() == 0 else ""
        path.write_text(f"{user}pid {self.folder}/nginx.pid;\nerror_log stderr info;\ndaemon off;\n"
                        f"master_process off;\nevents {{}}\nhttp {{\naccess_log off;\n{servers}\n}}\n")
        return path

    def certificate(self):
        key, certificate = self.folder / "broker.key", self.folder / "broker.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=localhost", "-days", "2", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True, timeout=PATIENCE)
        return key, certificate

    def test_nginx_takes_the_example(self):
        key, certificate = self.certificate()
        servers = re.sub(r"/etc/baton/tls/\w+\.crt", str(certificate), example())
        servers = servers.replace("/etc/baton/tls/broker.key", str(key))
        self.assertNotIn("/etc/baton", servers)
        answer = run_program([NGINX, "-t", "-p", self.folder, "-c", self.configuration(servers)])
        self.assertEqual(answer.code, 0, answer.err)

    def test_tasks_go_through_it(self):
        self.start_broker(listen=f"unix:{self.folder}/batond.sock")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        # The same without TLS, which clients of this test do not speak.
        servers = re.sub(r"(?m)^  ssl_.*\n", "", example()).replace("listen 7461 ssl http2;",
                                                                    f"listen 127.0.0.1:{port} http2;")
        servers = servers.replace("/run/baton/batond.sock", f"{self.folder}/batond.sock")
        self.assertNotIn("ssl", servers)
        proxy = Process(self.folder, "nginx", [NGINX, "-p", str(self.folder), "-c", str(self.configuration(servers))])
        self.processes.append(proxy)
        self.broker.address = f"127.0.0.1:{port}"
        wait_until(lambda: (self.folder / "nginx.pid").exists() or not proxy.runs(), "nginx listens")
        self.assertTrue(proxy.runs(), proxy.log())
        self.start_worker()
        task = self.submit("echo", {"through": "nginx"})
        self.assertEqual(self.wait_for_end(task)["result"], {"through": "nginx"})
        self.baton("submit", "echo", "--json", "1", "--count", "200", "--quiet")
        wait_until(lambda: self.baton("stats", "-o", "json").json()["counts"].get("completed") == 201, "all are done")
        self.assertEqual(self.baton("get", "999", code=3).out, "")


if __name__ == "__main__":
    unittest.main()
