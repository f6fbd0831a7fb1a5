#!/usr/bin/env python3
"""What generic tools rely on: reflection and the standard health service."""

import json
import signal
import unittest

from harness import ProcessTest, program, run_program, wait_until


class WireTest(ProcessTest):

    def setUp(self):
        super().setUp()
        self.start_broker()

    def call(self, method, request, code=0):
        answer = run_program([program("GRPC_CALL"), self.broker.address, method, json.dumps(request)])
        self.assertEqual(answer.code, code, f"{method}: {answer.err}")
        return json.loads(answer.out) if code == 0 else answer.err

    def test_every_call_of_the_contract_is_described_by_reflection(self):
        submitted = self.call("baton.v1.TaskBroker/Submit",
                              {"tasks": [{"type": "echo", "payload": {"json": "1"}, "options": {"priority": 3}}]})
        self.assertEqual(submitted["results"][0]["task_id"], "1")
        shown = self.call("baton.v1.TaskBroker/Get", {"task_id": 1, "parts": {"payload": True}})["task"]
        self.assertEqual((shown["state"], shown["priority"], shown["payload"]["json"]), ("TASK_STATE_PENDING", 3, "1"))
        info = self.call("baton.v1.TaskAdmin/GetServerInfo", {})
        self.assertEqual(info["data_dir"], str(self.data))

    def test_errors_have_their_code_and_a_sentence(self):
        self.assertIn("77", self.call("baton.v1.TaskBroker/Get", {"task_id": 77}, code=5))
        self.assertIn("tasks", self.call("baton.v1.TaskBroker/Submit", {}, code=3))

    def test_health_tells_whether_the_broker_serves(self):  # B258
        for service in ("", "baton.v1.TaskBroker", "baton.v1.TaskAdmin"):
            answer = self.call("grpc.health.v1.Health/Check", {"service": service})
            self.assertEqual(answer["status"], "SERVING", service)
        self.call("grpc.health.v1.Health/Check", {"service": "none"}, code=5)

    def test_health_tells_that_the_broker_drains(self):
        worker = self.start_worker()
        task = self.submit("hold", {"until": str(self.gate())})
        worker.wait_for("start", task)
        self.broker.signal(signal.SIGTERM)
        wait_until(lambda: self.call("grpc.health.v1.Health/Check", {})["status"] == "NOT_SERVING", "it says so")
        self.gate().touch()
        self.assertEqual(self.broker.wait(), 0)


if __name__ == "__main__":
    unittest.main()
