#include "broker/server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "broker/server/caller.h"
#include "broker/server/message_buffer.h"

namespace baton::server {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

void AddFile(const FileDescriptor* file, std::set<const FileDescriptor*>* added, ServerReflectionResponse* response) {
  if (!added->insert(file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file->CopyTo(&proto);
  response->mutable_file_descriptor_response()->add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), added, response);
}

void AnswerFile(const FileDescriptor* file, const std::string& asked, ServerReflectionResponse* response) {
  if (file != nullptr) {
    std::set<const FileDescriptor*> added;
    return AddFile(file, &added, response);
  }
  response->mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
  response->mutable_error_response()->set_error_message(absl::StrCat("nothing here is called '", asked, "'"));
}

}  // namespace

ServerReflectionResponse Reflect(const ServerReflectionRequest& request, const std::vector<std::string>& services) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      for (const std::string& name : services) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case ServerReflectionRequest::kFileByFilename:
      AnswerFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), &response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      AnswerFile(pool.FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
                 &response);
      break;
    case ServerReflectionRequest::kFileContainingExtension:
      AnswerFile(nullptr, request.file_containing_extension().containing_type(), &response);
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      response.mutable_all_extension_numbers_response()->set_base_type_name(request.all_extension_numbers_of_type());
      break;
    default:
      response.mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error_response()->set_error_message("message_request is not set: ask one question");
  }
  return response;
}

ReflectionStream::ReflectionStream(StreamSet* set, RawService* service, const std::vector<std::string>* services,
                                   const Access* access, grpc::ServerCompletionQueue* queue)
    : Stream(set), service_(service), services_(services), access_(access), queue_(queue), stream_(&context_) {}

void ReflectionStream::Listen() { service_->RequestStream(0, &context_, &stream_, queue_, &on_arrived_); }

void ReflectionStream::Arrived(bool ok) {
  if (!ok) return Delete();
  arrived_ = true;
  set()->Add<ReflectionStream>(service_, services_, access_, queue_)->Listen();
  Caller caller;
  const Error error = CallerOf(*access_, context_, AnyRole(), &caller);
  error.ok() ? Read() : End(error);
}

void ReflectionStream::Read() {
  reading_ = true;
  stream_.Read(&incoming_, static_cast<Completion*>(&on_read_));
}

void ReflectionStream::HasRead(bool ok) {
  reading_ = false;
  if (!ok || ending_.has_value()) {
    End(Error{});
    return DeleteIfOver();
  }
  ServerReflectionRequest request;
  const Error error = ParseMessage(&incoming_, &request);
  incoming_.Clear();
  if (!error.ok()) return End(error);
  writing_ = true;
  stream_.Write(ToBuffer(Reflect(request, *services_)), static_cast<Completion*>(&on_written_));
}

void ReflectionStream::HasWritten(bool ok) {
  writing_ = false;
  if (ok && !ending_.has_value()) return Read();
  if (!ending_.has_value()) ending_ = Error{};
  Pump();
}

void ReflectionStream::End(const Error& error) {
  if (!arrived_ || ending_.has_value()) return;
  ending_ = error;
  Pump();
}

void ReflectionStream::Pump() {
  if (writing_ || finishing_) return;
  finishing_ = true;
  stream_.Finish(ToStatus(*ending_), static_cast<Completion*>(&on_finished_));
}

void ReflectionStream::HasFinished(bool) {
  finished_ = true;
  DeleteIfOver();
}

void ReflectionStream::DeleteIfOver() {
  if (finished_ && !reading_) Delete();
}

}  // namespace baton::server
