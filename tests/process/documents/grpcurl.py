#!/usr/bin/env python3
"""grpcurl as far as documents use it, which Debian does not package. It knows nothing but what the server's reflection
tells it.

Usage: grpcurl.py -plaintext [-d JSON | -d @] ADDRESS list [SERVICE] | PACKAGE.SERVICE/METHOD

`-d @` reads messages from standard input, for a streaming method. The environment's BATON_BROKER is asked, whatever the
address: tests have a broker of their own.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

TIMEOUT = 30
REFLECTION = Path(__file__).parents[3] / "broker/server/reflection_v1alpha.proto"


def parse_stream(text):
    """JSON values, one behind the other."""
    decoder, at, values = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        values.append(value)
    return values


class Reflection:
    """The services of a server, described by itself."""

    def __init__(self, channel):
        self.pool = descriptor_pool.DescriptorPool()
        with tempfile.TemporaryDirectory() as folder:
            described = Path(folder) / "reflection"
            subprocess.run(["protoc", "-I", REFLECTION.parent, f"--descriptor_set_out={described}", REFLECTION],
                           check=True)
            (file,) = descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes()).file
        own = descriptor_pool.DescriptorPool()
        own.Add(file)
        self.request = prototype(own.FindMessageTypeByName("grpc.reflection.v1alpha.ServerReflectionRequest"))
        response = prototype(own.FindMessageTypeByName("grpc.reflection.v1alpha.ServerReflectionResponse"))
        self.ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                         self.request.SerializeToString, response.FromString)

    def answer(self, **question):
        (answer,) = self.ask(iter([self.request(**question)]), timeout=TIMEOUT)
        if answer.HasField("error_response"):
            sys.exit(f"Error: {answer.error_response.error_message}")
        return answer

    def services(self):
        return sorted(service.name for service in self.answer(list_services="*").list_services_response.service)

    def load(self, symbol):
        """Adds what describes the symbol to the pool."""
        answer = self.answer(file_containing_symbol=symbol).file_descriptor_response
        files = {file.name: file for file in map(descriptor_pb2.FileDescriptorProto.FromString,
                                                 answer.file_descriptor_proto)}  # yapf: disable

        def add(name):
            if name in files:
                file = files.pop(name)
                for needed in file.dependency:
                    add(needed)
                self.pool.Add(file)

        for name in list(files):
            add(name)

    def method(self, name):
        service, _, method = name.partition("/")
        self.load(service)
        return self.pool.FindServiceByName(service).methods_by_name[method]


def prototype(descriptor):
    return message_factory.MessageFactory(descriptor_pool.DescriptorPool()).GetPrototype(descriptor)


def read(data, message_class):
    values = parse_stream(sys.stdin.read() if data == "@" else data)
    return [json_format.ParseDict(value, message_class()) for value in values or [{}]]


def call(channel, method, data):
    kind = ("stream" if method.client_streaming else "unary") + ("_stream" if method.server_streaming else "_unary")
    request, response = prototype(method.input_type), prototype(method.output_type)
    path = f"/{method.containing_service.full_name}/{method.name}"
    messages = read(data, request)
    ask = getattr(channel, kind)(path, request.SerializeToString, response.FromString)
    answers = ask(iter(messages) if method.client_streaming else messages[0], timeout=TIMEOUT, wait_for_ready=True)
    for answer in answers if method.server_streaming else [answers]:
        print(json_format.MessageToJson(answer), flush=True)


def main():
    words = sys.argv[1:]
    data = "{}"
    if words[:1] != ["-plaintext"]:
        sys.exit("grpcurl.py: without -plaintext it would speak TLS")
    words = words[1:]
    if words[0] == "-d":
        data, words = words[1], words[2:]
    _, *rest = words
    with grpc.insecure_channel(os.environ["BATON_BROKER"]) as channel:
        reflection = Reflection(channel)
        if rest == ["list"]:
            print("\n".join(reflection.services()))
        elif rest[0] == "list":
            reflection.load(rest[1])
            print("\n".join(method.full_name for method in reflection.pool.FindServiceByName(rest[1]).methods))
        else:
            try:
                call(channel, reflection.method(rest[0]), data)
            except grpc.RpcError as error:
                code = "".join(part.capitalize() for part in error.code().name.split("_"))
                sys.exit(f"ERROR:\n  Code: {code}\n  Message: {error.details()}")


if __name__ == "__main__":
    main()
