#ifndef BATON_BROKER_SERVER_UNARY_CALL_H_
#define BATON_BROKER_SERVER_UNARY_CALL_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/base/error.h"
#include "broker/server/completion.h"
#include "broker/server/meters.h"
#include "broker/server/raw_service.h"

namespace baton::server {

class UnaryMethod;
class UnreadAnswers;

// One unary call, from its arrival to the end of its answer. Belongs to the completion queue's thread; whoever answers
// it elsewhere posts to that thread. Stays alive until it was answered and the answer is out.
class UnaryCall {
 public:
  explicit UnaryCall(UnaryMethod* method) : method_(method) {}

  grpc::ServerContext& context() { return *context_; }
  grpc::ByteBuffer& request() { return request_; }

  // Only of methods made cancellable: the client has gone away, or its deadline has passed.
  bool is_gone() const { return done_; }

  // Exactly one of these, once.
  void Reply(const grpc::ByteBuffer& response);
  void Fail(const Error& error);
  // Counts an item of the call, which is answered all the same, if it is refused.
  void CountItem(const Error& error);

  // For the log, once the call is answered with OK; empty: nothing.
  void Remark(std::string remark) { remark_ = std::move(remark); }

  // Only of methods made cancellable: called if the client goes away or its deadline passes before the answer.
  void OnCancel(std::function<void()> cancel) { cancel_ = std::move(cancel); }

 private:
  friend class UnaryMethod;

  void Listen();
  void Arrived(bool ok);
  void Finished(bool ok);
  void Done(bool ok);
  void EndIfOver();

  UnaryMethod* const method_;
  std::optional<grpc::ServerContext> context_;
  std::optional<RawUnaryResponder> responder_;
  grpc::ByteBuffer request_;
  std::function<void()> cancel_;
  std::string remark_;
  bool replied_ = false;
  bool finished_ = false;
  bool done_ = false;
  MemberCompletion<UnaryCall, &UnaryCall::Arrived> on_arrived_{this};
  MemberCompletion<UnaryCall, &UnaryCall::Finished> on_finished_{this};
  MemberCompletion<UnaryCall, &UnaryCall::Done> on_done_{this};
};

// All calls of one method: keeps a number of them waiting for clients and reuses those that are over.
class UnaryMethod {
 public:
  using Handler = std::function<void(UnaryCall*)>;
  struct Options {
    // Calls taken off the transport at once before the handler has run.
    int listening = 2;
    bool cancellable = false;
    // Told of calls that fail; null: none.
    RefusalCounter* refusals = nullptr;
    // Where answers that were not read are counted; null: nowhere. Must outlive the method.
    UnreadAnswers* unread = nullptr;
  };

  // `service` and `queue` must outlive the method.
  UnaryMethod(RawService* service, int method, grpc::ServerCompletionQueue* queue, Options options, Handler handler);

  // Begins to take calls; the server must have been started.
  void Start();

 private:
  friend class UnaryCall;

  void ListenOnce();
  void Release(UnaryCall* call);

  RawService* const service_;
  const int method_;
  grpc::ServerCompletionQueue* const queue_;
  const Options options_;
  const Handler handler_;
  absl::flat_hash_map<UnaryCall*, std::unique_ptr<UnaryCall>> calls_;
  std::vector<UnaryCall*> idle_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_UNARY_CALL_H_
