"""The calls that documents show with grpcurl."""

import shlex

from grpcurl import parse_stream


def grpcurl_call(command):
    """(method, its messages as JSON values) of a command; None for one that lists what there is."""
    line, stdin = command, ""
    if "<<'" in command:
        line, _, stdin = command.partition("\n")
    words = shlex.split(line.split("<<'")[0])
    if words[:2] != ["grpcurl", "-plaintext"]:
        raise ValueError(f"without -plaintext it would speak TLS: {command}")
    words = words[2:]
    data = None
    if words[0] == "-d":
        data, words = words[1], words[2:]
    address, method = words if len(words) == 2 else ("", "")
    if address != "127.0.0.1:7461":
        raise ValueError(f"not ADDRESS METHOD, with the address where a broker listens by default: {command}")
    if method == "list":
        return None
    if data == "@":
        data = stdin.rpartition("\n")[0]
    return method, parse_stream(data or "{}")
