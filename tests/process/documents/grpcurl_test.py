#!/usr/bin/env python3
"""Every call that any document of the repository shows with grpcurl fits the contract."""

import re
import unittest

from google.protobuf import json_format

from contract import Contract
from documents import sections
from grpcurl_lines import grpcurl_call
from player import all_commands, documents


class GrpcurlTest(unittest.TestCase):

    def setUp(self):
        self.contract = Contract()

    def test_every_call_shown_names_a_method_and_fields_that_there_are(self):
        count = 0
        for path, text in documents().items():
            shown = [command for command in all_commands(text) if "grpcurl" in command]
            # None is overlooked, in whatever kind of block it stands.
            self.assertEqual(len(shown), len(re.findall(r"grpcurl -", text)), path)
            for command in shown:
                call = grpcurl_call(command)
                if call is None or not call[0].startswith("baton."):
                    continue
                with self.subTest(path=path, command=command):
                    method, messages = call
                    for message in messages:
                        self.contract.parse(self.contract.method(method).input_type.full_name, message)
                    count += 1
        self.assertGreater(count, 12)

    def test_every_message_shown_is_one(self):
        count = 0
        for path, text in documents().items():
            for section in sections(text).values():
                for block in section.blocks:
                    kind, _, name = block.kind.partition(" ")
                    if kind == "json" and name:
                        with self.subTest(path=path, line=block.line):
                            json_format.Parse(block.text, self.contract.message_class(name)())
                            count += 1
        self.assertGreater(count, 12)

    def test_what_is_wrong_is_found(self):
        command = "grpcurl -plaintext -d '{\"task_idd\": 1}' 127.0.0.1:7461 baton.v1.TaskBroker/Get"
        method, (message,) = grpcurl_call(command)
        with self.assertRaises(json_format.ParseError):
            self.contract.parse(self.contract.method(method).input_type.full_name, message)
        for command in ("grpcurl -d '{}' 127.0.0.1:7461 baton.v1.TaskBroker/Get", "grpcurl -plaintext baton.v1.A/B",
                        "grpcurl -plaintext -d '{}' example.org:1 baton.v1.TaskBroker/Get"):
            with self.assertRaises(ValueError):
                grpcurl_call(command)
        with self.assertRaises(KeyError):
            self.contract.method("baton.v1.TaskBroker/Gets")


if __name__ == "__main__":
    unittest.main()
