#!/usr/bin/env python3
"""What proto/README.md shows: its calls are made, its messages are exchanged, and the answers are those it shows."""

import json
import queue
import unittest

import grpc
from google.protobuf import json_format

from contract import Contract
from harness import program, run_program, wait_until
from player import ROOT, DocumentTest, plays

# What is different in each run. Everything else is as shown.
VARIES = {"session", "incarnation", "attemptToken", "createdAtUs"}
TOKEN = "zGIoO3wZ8YgAAAAAAAAAAQAAAAE="


class ContractReadmeTest(DocumentTest):

    document = "proto/README.md"

    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_every_section_is_played(self):
        self.check_every_section_is_played()

    @plays("Connect")
    def test_connect(self):
        self.play("Connect")

    @plays("Submit")
    def test_submit(self):
        self.play("Submit")

    @plays("Repeat a call")
    def test_repeat_a_call(self):
        self.play("Repeat a call", codes={"grpcurl -plaintext -d '{\"request_id\": \"night-shift\", \"tasks\": "
                                          "[{\"type\": \"goodbye\"": 1})  # yapf: disable

    @plays("Wait")
    def test_wait(self):
        self.baton("submit", "hello", "--data", "world")
        self.play("Wait", before={"grpcurl -plaintext -d '{\"task_id\": 1, \"parts\"":
                                  lambda: self.start_in_background("hello_worker")},
                  codes={"grpcurl -plaintext -d '{\"task_id\": 99": 1})  # yapf: disable

    @plays("Decide")
    def test_decide(self):
        self.start_in_background("approval_worker")
        self.wait_for_state(self.submit("order", {"item": "press", "amount": 5000}), "SUSPENDED")
        self.play("Decide")
        self.assertEqual(self.wait_for_end(1)["result"], {"ordered": True})

    @plays("Pages")
    def test_pages(self):
        self.submit("hello")
        self.submit("hello")
        first = next(command for command, _ in self.sections["Pages"].steps())
        self.words["PAGE-TOKEN"] = json.loads(self.run_step(first, None, 0))["nextPageToken"]
        self.play("Pages")

    @plays("Watch")
    def test_watch(self):
        self.submit("hello")
        (command, _), = self.sections["Watch"].steps()
        watch = self.start_in_background(command)
        wait_until(lambda: '"id": "1"' in watch.out() and '"resumeToken"' in watch.out(), watch.log)
        self.submit("hello")
        wait_until(lambda: '"id": "2"' in watch.out(), watch.log)

    @plays("Python and Node.js")
    def test_python_and_node(self):
        self.write_script("python3", f'exec {program("DEBIAN_PYTHON")} "$@"')
        # Both were installed by deploy/install-deps.
        self.write_script("sudo", '[[ "$1 $2" == "apt-get install" ]] && dpkg-query -W "${@:3}"')
        self.write_script("npm", '[[ $* == ci ]] && [[ -d node_modules/@grpc/grpc-js ]]')
        self.words["/tmp/baton-stubs"] = self.folder / "stubs"
        stop = {"node proto/examples/node/hello_worker.js": self.stop_worker}
        outputs = self.play("Python and Node.js", before={
            "PYTHONPATH=/tmp/baton-stubs python3 proto/examples/python/submit.py": self.wait_for_worker,
            "node proto/examples/node/submit.js": self.wait_for_worker, **stop})  # yapf: disable
        answers = [printed for command, printed in outputs.items() if "submit" in command]
        self.assertEqual(answers, ["Hello, Ada!\n"] * 2)

    def wait_for_worker(self):
        wait_until(lambda: len(self.workers()) == 1, "a worker has come")

    def stop_worker(self):
        self.assertEqual(self.processes[-1].terminate(), 0)
        wait_until(lambda: not self.workers(), "the worker in Python has left")

    def test_the_reason_of_an_error_is_read_as_shown(self):
        block = next(block for block in self.sections["Errors"].blocks if block.kind == "python")
        self.assertIn(block.text, (ROOT / "proto/examples/python/reason.py").read_text())
        stubs = self.folder / "stubs"
        stubs.mkdir()
        made = run_program(["protoc", "-I", ROOT / "proto", f"--python_out={stubs}",
                            *sorted((ROOT / "proto/baton/v1").glob("*.proto"))])
        self.assertEqual(made.code, 0, made.err)
        script = """import grpc, os, reason
call = grpc.insecure_channel(os.environ["BATON_BROKER"]).unary_unary("/baton.v1.TaskBroker/Get")
try:
    call(b"\\x08\\x63")  # task_id: 99
except grpc.RpcError as error:
    print(reason.reason(error))
"""
        environment = {**self.environment, "PYTHONPATH": f"{stubs}:{ROOT}/proto/examples/python"}
        answer = run_program([program("DEBIAN_PYTHON"), "-c", script], environment)
        self.assertEqual((answer.code, answer.out), (0, "TASK_NOT_FOUND\n"), answer.err)


class WorkerByHandTest(DocumentTest):
    """Does what the page tells a worker to do, with the messages that it shows."""

    document = "proto/README.md"

    def setUp(self):
        super().setUp()
        self.start_broker()
        self.contract = Contract()
        self.channel = grpc.insecure_channel(self.address)
        self.addCleanup(self.channel.close)
        self.requests = queue.SimpleQueue()
        self.session, self.token = None, None

    def open_stream(self):
        claim = self.contract.stub(self.channel, "baton.v1.TaskBroker/Claim")
        return claim(iter(self.requests.get, None), wait_for_ready=True, timeout=60)

    def call(self, method, request):
        return self.contract.stub(self.channel, f"baton.v1.TaskBroker/{method}")(request, timeout=30)

    def message(self, block):
        """A message as shown, with the session and the token of this run."""
        name, text = block.kind.removeprefix("json "), block.text
        if self.token:
            text = text.replace(TOKEN, self.token)
        message = json_format.Parse(text, self.contract.message_class(name)())
        if any(field.name == "session" for field in message.DESCRIPTOR.fields):
            message.session = self.session
        return message

    def assert_as_shown(self, shown, actual, where="the answer"):
        """Both are JSON values."""
        if isinstance(shown, dict):
            self.assertEqual(sorted(shown), sorted(actual), where)
            for key, value in shown.items():
                if key not in VARIES:
                    self.assert_as_shown(value, actual[key], f"{where}.{key}")
        elif isinstance(shown, list):
            self.assertEqual(len(shown), len(actual), where)
            for place, value in enumerate(shown):
                self.assert_as_shown(value, actual[place], f"{where}[{place}]")
        else:
            self.assertEqual(shown, actual, where)

    def test_a_worker_step_by_step(self):
        self.baton("submit", "send_mail", "--json", '{"to": "ada@example.org"}')
        stream, answer, steps = self.open_stream(), None, []
        for block in self.sections["Write a worker"].blocks:
            name = block.kind.removeprefix("json baton.v1.")
            steps.append(name)
            if name == "ClaimRequest":
                self.requests.put(self.message(block))
            elif name == "ClaimResponse":
                self.take_in(next(stream), json.loads(block.text))
            elif name.endswith("Request"):
                answer = self.call(name.removesuffix("Request"), self.message(block))
            else:
                self.assert_as_shown(json.loads(block.text), json_format.MessageToDict(answer))
        self.assertEqual(len(steps), 10)
        self.requests.put(None)
        self.assertEqual(list(stream), [])
        self.assertEqual(stream.code(), grpc.StatusCode.OK)
        self.assertEqual(self.get(1)["result"], {"sent": True})
        progress = [event for event in self.baton("events", "1", "-o", "json").json() if event["type"] == "PROGRESS"]
        self.assertEqual(progress[0]["progress"]["text"], "connecting")

    def take_in(self, message, shown):
        actual = json_format.MessageToDict(message)
        self.assert_as_shown(shown, actual)
        self.session = message.welcome.session or self.session
        for delivery in actual.get("deliveries", {}).get("deliveries", ()):
            self.token = delivery["attemptToken"]

    def test_every_kind_of_outcome_does_what_is_said(self):
        blocks = self.sections["What an attempt can come to"].blocks
        self.assertEqual({block.kind for block in blocks}, {"json baton.v1.Outcome"})
        self.requests.put(self.contract.parse("baton.v1.ClaimRequest", {"hello": {
            "protocol_version": 1, "worker_id": "by-hand", "instance_id": "a",
            "worker": {"handlers": [{"type": "job"}], "slots": 1}}}))  # yapf: disable
        stream = self.open_stream()
        self.session = next(stream).welcome.session
        # The task of the last one was not cancelled.
        outcomes = {kind: kind.upper() for kind in ("succeeded", "failed", "spawned", "suspended", "released")}
        outcomes["cancelled"] = "RELEASED"
        for block in blocks:
            kind = next(key for key in json.loads(block.text) if key != "attempt_token")
            # Paused while it runs, it does not come back at once.
            task = self.submit("job", None, "--unique-key", kind)
            (delivery,) = next(stream).deliveries.deliveries
            self.assertEqual(delivery.task_id, task)
            self.baton("pause", str(task))
            self.token = json_format.MessageToDict(delivery)["attemptToken"]
            request = self.contract.message_class("baton.v1.CompleteRequest")(session=self.session)
            request.outcomes.add().CopyFrom(self.message(block))
            (result,) = self.call("Complete", request).results
            self.assertFalse(result.HasField("error"), result)
            self.assertEqual(self.outcomes(task), [("by-hand", outcomes.pop(kind))])
        self.assertEqual(outcomes, {})
        self.requests.put(None)


if __name__ == "__main__":
    unittest.main()
