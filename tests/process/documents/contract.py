"""The contract as tests in Python see it: messages by name, from the descriptors that the build has written."""

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from harness import program


class Contract:

    def __init__(self):
        self.pool = descriptor_pool.DescriptorPool()
        with open(program("PROTOSET"), "rb") as described:
            for file in descriptor_pb2.FileDescriptorSet.FromString(described.read()).file:
                self.pool.Add(file)

    def message_class(self, name):
        return message_factory.MessageFactory(self.pool).GetPrototype(self.pool.FindMessageTypeByName(name))

    def parse(self, name, value):
        """A message of this name from a JSON value; raises json_format.ParseError for what it does not know."""
        return json_format.ParseDict(value, self.message_class(name)())

    def method(self, path):
        """The method of PACKAGE.SERVICE/METHOD; raises KeyError."""
        service, _, name = path.partition("/")
        return self.pool.FindServiceByName(service).methods_by_name[name]

    def stub(self, channel, path):
        """The method as a callable of the channel."""
        method = self.method(path)
        kind = "_".join("stream" if streams else "unary" for streams in
                        (method.client_streaming, method.server_streaming))
        answer = self.message_class(method.output_type.full_name)
        return getattr(channel, kind)(f"/{path}", lambda request: request.SerializeToString(), answer.FromString)
