"""Frames of HTTP/2 made by hand, for what no library would send. Headers go as literals: nothing is compressed."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
INITIAL_WINDOW_SIZE = 4


def frame(kind, stream=0, payload=b"", flags=0):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix):
    """An integer of HPACK whose first byte has `prefix` bits for it."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([value])
    encoded, value = bytearray([most]), value - most
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes(encoded + bytes([value]))


def header_block(headers):
    block = bytearray()
    for name, value in headers:
        block += b"\0"
        for text in (name.encode(), value.encode()):
            block += integer(len(text), 7) + text
    return bytes(block)


def call_headers(method, *more):
    return header_block([(":method", "POST"), (":scheme", "http"), (":path", f"/{method}"), (":authority", "broker"),
                         ("te", "trailers"), ("content-type", "application/grpc"), *more])


def message(payload):
    """A message of gRPC: not compressed."""
    return struct.pack(">BI", 0, len(payload)) + payload


def varint(value):
    """A number of protobuf."""
    encoded = bytearray()
    while value >= 128:
        encoded.append(value % 128 + 128)
        value //= 128
    return bytes(encoded + bytes([value]))


def number_field(number, value):
    return varint(number << 3) + varint(value)


def field(number, payload):
    """A length-delimited field of protobuf."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def connect(address, seconds=30):
    if address.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(seconds)
        client.connect(address[len("unix:"):])
        return client
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=seconds)


class Connection:
    """A connection that has said hello, and on which nothing is read unless asked for."""

    def __init__(self, address, window=65535):
        self.socket = connect(address)
        self._next_stream = 1
        self._read = b""
        self.send(PREFACE + frame(SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, window)))

    def send(self, data):
        self.socket.sendall(data)

    def _open_frame(self, method):
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        return frame(HEADERS, stream, call_headers(method), END_HEADERS), stream

    def open_call(self, method):
        """Begins a call; the stream for its message."""
        data, stream = self._open_frame(method)
        self.send(data)
        return stream

    def call_frames(self, method, payload, end=True):
        """The frames of the next call with one message, and its stream."""
        opening, stream = self._open_frame(method)
        data, frames = message(payload), [opening]
        pieces = [data[at:at + 16384] for at in range(0, len(data), 16384)] or [b""]
        for number, piece in enumerate(pieces, 1):
            frames.append(frame(DATA, stream, piece, END_STREAM if end and number == len(pieces) else 0))
        return b"".join(frames), stream

    def call(self, method, payload, end=True):
        data, stream = self.call_frames(method, payload, end)
        self.send(data)
        return stream

    def read_frame(self):
        """(kind, flags, stream, payload); None when the broker has closed the connection."""
        while len(self._read) < 9 or len(self._read) < 9 + int.from_bytes(self._read[:3], "big"):
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self._read += more
        size = int.from_bytes(self._read[:3], "big")
        kind, flags, stream = self._read[3], self._read[4], int.from_bytes(self._read[5:9], "big")
        payload, self._read = self._read[9:9 + size], self._read[9 + size:]
        return kind, flags, stream, payload

    def close(self):
        self.socket.close()


class PatientSender:
    """Sends the data of many streams side by side, as much as the broker allows: it is told to go on by windows."""

    def __init__(self, connection):
        self._connection = connection
        self._window = self._first_window = 65535
        self._windows = {}
        self._data = {}

    def begin(self, method, data):
        """A call, of whose data nothing is sent yet."""
        stream = self._connection.open_call(method)
        self._windows[stream] = self._first_window
        self._data[stream] = memoryview(data)

    def send_what_the_windows_allow(self, seconds):
        """Until all is sent, the broker closes the connection, or the time is over."""
        deadline = time.monotonic() + seconds
        self._connection.socket.settimeout(0.2)
        while self._data and time.monotonic() < deadline:
            try:
                self._send()
                if not self._take_frame(self._connection.read_frame()):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _send(self):
        for stream in list(self._data):
            size = min(16384, self._window, self._windows[stream], len(self._data[stream]))
            if size <= 0:
                continue
            self._connection.send(frame(DATA, stream, bytes(self._data[stream][:size])))
            self._window -= size
            self._windows[stream] -= size
            self._data[stream] = self._data[stream][size:]
            if not self._data[stream]:
                del self._data[stream]

    def _take_frame(self, taken):
        if taken is None:
            return False
        kind, flags, stream, payload = taken
        if kind == WINDOW_UPDATE:
            self._widen(stream, int.from_bytes(payload, "big"))
        elif kind == SETTINGS and not flags & ACK:
            self._set(payload)
        elif kind == PING and not flags & ACK:
            self._connection.send(frame(PING, payload=payload, flags=ACK))
        elif kind == RST_STREAM:
            self._data.pop(stream, None)
        return True

    def _widen(self, stream, size):
        if stream == 0:
            self._window += size
        elif stream in self._windows:
            self._windows[stream] += size

    def _set(self, payload):
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at:at + 6])
            if name == INITIAL_WINDOW_SIZE:
                for stream in self._windows:
                    self._windows[stream] += value - self._first_window
                self._first_window = value
        self._connection.send(frame(SETTINGS, flags=ACK))
