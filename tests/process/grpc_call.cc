// grpc_call ADDRESS METHOD [JSON]: calls a unary method, or the first exchange of a streaming one, of any gRPC server
// that has reflection; METHOD is package.Service/Name. Prints the answer as JSON; exit code: the gRPC status code.
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "broker/server/reflection_v1alpha.pb.h"

namespace {

using google::protobuf::Message;
using grpc::reflection::v1alpha::ServerReflectionRequest;
using grpc::reflection::v1alpha::ServerReflectionResponse;

constexpr std::chrono::seconds kDeadline(10);

grpc::ByteBuffer ToBuffer(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

bool FromBuffer(const grpc::ByteBuffer& buffer, Message* message) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return message->ParseFromString(bytes);
}

// Sends one message and reads one; every kind of method can be called so.
grpc::Status Exchange(grpc::GenericStub* stub, const std::string& method, const Message& request, Message* answer) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  context.set_wait_for_ready(true);
  grpc::CompletionQueue queue;
  const auto call = stub->PrepareCall(&context, "/" + method, &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto done = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  done();
  call->WriteLast(ToBuffer(request), grpc::WriteOptions(), nullptr);
  done();
  grpc::ByteBuffer buffer;
  call->Read(&buffer, nullptr);
  const bool answered = done() && FromBuffer(buffer, answer);
  grpc::Status status;
  call->Finish(&status, nullptr);
  done();
  if (status.ok() && !answered) return {grpc::StatusCode::INTERNAL, "an empty or unreadable answer"};
  return status;
}

// Every file that the server says describes `symbol`.
grpc::Status Describe(grpc::GenericStub* stub, const std::string& symbol,
                      google::protobuf::SimpleDescriptorDatabase* files) {
  ServerReflectionRequest request;
  request.set_file_containing_symbol(symbol);
  ServerReflectionResponse answer;
  const std::string method = "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  const grpc::Status status = Exchange(stub, method, request, &answer);
  if (!status.ok()) return status;
  if (answer.has_error_response()) return {grpc::StatusCode::NOT_FOUND, answer.error_response().error_message()};
  for (const std::string& bytes : answer.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    if (!file.ParseFromString(bytes)) return {grpc::StatusCode::INTERNAL, "an unreadable file descriptor"};
    files->Add(file);
  }
  return status;
}

grpc::Status Call(const std::string& address, const std::string& method, const std::string& json) {
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  const std::string service = method.substr(0, method.find('/'));
  google::protobuf::SimpleDescriptorDatabase files;
  if (grpc::Status status = Describe(&stub, service, &files); !status.ok()) return status;
  const google::protobuf::DescriptorPool pool(&files);
  std::string symbol = method;
  symbol[service.size()] = '.';
  const google::protobuf::MethodDescriptor* described = pool.FindMethodByName(symbol);
  if (described == nullptr) return {grpc::StatusCode::NOT_FOUND, "there is no method " + symbol};
  google::protobuf::DynamicMessageFactory factory;
  const std::unique_ptr<Message> request(factory.GetPrototype(described->input_type())->New());
  const std::unique_ptr<Message> answer(factory.GetPrototype(described->output_type())->New());
  if (const auto read = google::protobuf::util::JsonStringToMessage(json, request.get()); !read.ok()) {
    return {grpc::StatusCode::INVALID_ARGUMENT, "the JSON does not fit: " + std::string(read.message())};
  }
  grpc::Status status = Exchange(&stub, method, *request, answer.get());
  if (!status.ok()) return status;
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  if (!google::protobuf::util::MessageToJsonString(*answer, &text, options).ok()) {
    return {grpc::StatusCode::INTERNAL, "the answer cannot be written as JSON"};
  }
  std::printf("%s\n", text.c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::string(argv[2]).find('/') == std::string::npos) {
    return std::fprintf(stderr, "usage: grpc_call ADDRESS PACKAGE.SERVICE/METHOD [JSON]\n"), 2;
  }
  const grpc::Status status = Call(argv[1], argv[2], argc > 3 ? argv[3] : "{}");
  if (!status.ok()) std::fprintf(stderr, "%d: %s\n", status.error_code(), status.error_message().c_str());
  return status.error_code();
}
