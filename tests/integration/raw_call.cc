#include "tests/integration/raw_call.h"

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

namespace baton {
namespace {

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// The result of the one operation under way.
bool Next(grpc::CompletionQueue* queue) {
  void* tag;
  bool ok = false;
  return queue->Next(&tag, &ok) && ok;
}

}  // namespace

RawAnswer RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, const std::string& message,
                  size_t answers, const std::string& authorization) {
  grpc::ClientContext context;
  if (!authorization.empty()) context.AddMetadata("authorization", authorization);
  context.set_deadline(gpr_time_from_seconds(20, GPR_TIMESPAN));
  grpc::CompletionQueue queue;
  grpc::GenericStub stub(channel);
  auto stream = stub.PrepareCall(&context, method, &queue);
  RawAnswer answer;
  stream->StartCall(nullptr);
  if (Next(&queue)) {
    stream->Write(BufferOf(message), nullptr);
    Next(&queue);
  }
  grpc::ByteBuffer read;
  while (answer.messages.size() < answers) {
    stream->Read(&read, nullptr);
    if (!Next(&queue)) break;
    answer.messages.push_back(BytesOf(read));
  }
  const bool complete = answer.messages.size() == answers;
  if (complete) context.TryCancel();
  stream->Finish(&answer.status, nullptr);
  Next(&queue);
  if (complete) answer.status = grpc::Status::OK;
  queue.Shutdown();
  while (Next(&queue)) {
  }
  return answer;
}

}  // namespace baton
