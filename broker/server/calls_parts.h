// What the files that define Calls share.
#ifndef BATON_BROKER_SERVER_CALLS_PARTS_H_
#define BATON_BROKER_SERVER_CALLS_PARTS_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/server/access/reach.h"
#include "broker/server/access/redact.h"
#include "broker/server/calls.h"
#include "broker/server/message_buffer.h"
#include "broker/server/operator_log.h"

namespace baton::server {

// Methods that carry the load have this many calls ready to be taken; the others a few.
inline constexpr UnaryMethod::Options kHot = {.listening = 64};
inline constexpr UnaryMethod::Options kCold = {.listening = 4};
inline constexpr UnaryMethod::Options kCancellable = {.listening = 16, .cancellable = true};

// A message that is used again gives its memory back after a request of this size.
inline constexpr size_t kKeptMessageBytes = 1 << 20;

// A caller that has given up wants no work to begin.
inline Error CheckDeadline(const grpc::ServerContext& context, WallMicros now) {
  const auto deadline = context.deadline().time_since_epoch();
  if (std::chrono::duration_cast<std::chrono::microseconds>(deadline).count() >= now) return {};
  return {absl::StatusCode::kDeadlineExceeded, "DEADLINE_EXCEEDED",
          "the caller's deadline passed before the broker began: nothing was done"};
}

inline Error CallerGone() {
  return {absl::StatusCode::kCancelled, "CANCELLED", "the caller went away before the broker began: nothing was done"};
}

inline Error TooManyReads(size_t reads) {
  return ResourceExhausted("OVERLOADED",
                           absl::StrCat(reads,
                                        " calls wait to be answered from what is stored, as many as this broker takes "
                                        "(engine.lane_commands): retry later with backoff"),
                           100 * kMillisecond);
}

inline const Error& ItemError(const Error& result) { return result; }
inline const Error& ItemError(const engine::SubmitResult& result) { return result.error; }

// A command that answers `call` with what encode(Command&, Response*) makes of its results.
template <typename Command, typename Response, typename Encode>
std::unique_ptr<Answering<Command>> CommandFor(UnaryCall* call, const Caller& caller, Encode encode) {
  auto command = std::make_unique<Answering<Command>>();
  command->actor = caller.actor;
  command->bytes = call->request().Length();
  command->on_answer = [call, encode = std::move(encode)](Command& answered) {
    if (!answered.error.ok()) return call->Fail(answered.error);
    if constexpr (requires { answered.results; }) {
      for (const auto& result : answered.results) call->CountItem(ItemError(result));
    }
    // Used again and again: all commands are answered by one thread.
    static thread_local Response response;
    response.Clear();
    encode(answered, &response);
    call->Reply(ToBuffer(response));
  };
  return command;
}

template <typename Command>
Error Send(engine::Partition* partition, std::unique_ptr<Command> command) {
  std::unique_ptr<engine::Command> sent = std::move(command);
  return partition->Send(sent);
}

// Answers `call` from any thread.
template <typename Response>
std::function<void(Error, Response)> ReplyFrom(UnaryCall* call, const Caller& caller, Mailbox* mailbox) {
  return [call, token = caller.token, mailbox](const Error& error, Response response) {
    if (!error.ok()) return mailbox->Post([call, error] { call->Fail(error); });
    if (token != nullptr) Redact(*token, &response);
    mailbox->Post([call, buffer = ToBuffer(response)] { call->Reply(buffer); });
  };
}

template <typename Request>
void Calls::Add(RawService* service, const std::string& name, UnaryMethod::Options options, Handle<Request> handle) {
  const google::protobuf::MethodDescriptor* method = service->descriptor().FindMethodByName(name);
  options.refusals = &core_->meters->refusals;
  options.unread = &unread_;
  auto run = [this, &right = RightOf(*method), handle = std::move(handle),
              request = std::make_shared<Request>()](UnaryCall* call) {
    Caller caller;
    Error error = CallerOf(*core_->access, call->context(), right, &caller);
    if (error.ok()) error = CheckDeadline(call->context(), core_->clock->Read().wall);
    if (error.ok()) error = ParseMessage(&call->request(), request.get());
    std::string remark = error.ok() ? RemarkOn(*request) : "";
    if (!remark.empty()) call->Remark(absl::StrCat(caller.actor, " ", remark));
    const bool large = call->request().Length() > kKeptMessageBytes;
    if (error.ok()) {
      error = caller.limited() ? HandleLimited(call, caller, right, request.get(), handle)
                               : handle(call, caller, request.get());
    }
    if (!error.ok()) call->Fail(error);
    if (large) *request = Request();
  };
  methods_.push_back(std::make_unique<UnaryMethod>(service, method->index(), queue_, options, std::move(run)));
}

template <typename... Answer, typename Begin>
Error Calls::HandOver(std::function<void(Error, Answer...)> done, Begin begin) {
  if (reads_ >= core_->settings.engine.lane_commands) return TooManyReads(reads_);
  ++reads_;
  Error refused = begin([this, done = std::move(done)](Error error, Answer... answer) {
    // Before the answer: whoever gets that may ask for the next one at once.
    core_->mailbox->Post([this] { --reads_; });
    done(std::move(error), std::move(answer)...);
  });
  if (!refused.ok()) --reads_;
  return refused;
}

template <typename Request>
Error Calls::HandleLimited(UnaryCall* call, const Caller& caller, const Right& right, Request* request,
                           const Handle<Request>& handle) {
  Named named;
  Limit limit{caller.token->types, caller.own_only ? caller.actor : ""};
  Error error = NameReached(right.reach, core_->partition->incarnation(), limit.types, *request, &named);
  if (!error.ok()) return error;
  if (named.nothing()) return handle(call, caller, request);
  auto go_on = [this, call, caller, handle, copy = std::make_shared<Request>(*request)](Error found) {
    if (found.ok() && call->is_gone()) found = CallerGone();
    if (found.ok()) found = handle(call, caller, copy.get());
    if (!found.ok()) call->Fail(found);
  };
  std::function<void(Error)> done = [go_on = std::move(go_on), mailbox = core_->mailbox](const Error& found) {
    mailbox->Post([go_on, found] { go_on(found); });
  };
  return HandOver(std::move(done), [this, &named, &limit](auto counted) {
    core_->partition->Read([named, limit, counted](const std::shared_ptr<const engine::View>& view) {
      counted(CheckNamed(*view, named, limit));
    });
    return Error{};
  });
}

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CALLS_PARTS_H_
