#ifndef BATON_BROKER_SERVER_CALLS_H_
#define BATON_BROKER_SERVER_CALLS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "baton/v1/broker.pb.h"
#include "broker/server/caller.h"
#include "broker/server/core.h"
#include "broker/server/unary_call.h"
#include "broker/server/unread_answers.h"

namespace baton::server {

// All unary methods of TaskBroker, TaskAdmin and AccessAdmin, from the bytes of a request to the bytes of its answer.
// Requests and answers that pass the engine are parsed and built on the completion queue's thread, in messages that are
// used again and again; reads are answered by readers' threads.
class Calls {
 public:
  // All must outlive the calls.
  Calls(Core* core, RawService* broker, RawService* admin, RawService* access, grpc::ServerCompletionQueue* queue);

  // Begins to take calls; the server must have been started.
  void Start();

 private:
  // Answers the call, now or later, or returns the Error that refuses it.
  template <typename Request>
  using Handle = std::function<Error(UnaryCall*, const Caller&, Request*)>;

  // Registers a method by its name in the proto file.
  template <typename Request>
  void Add(RawService* service, const std::string& name, UnaryMethod::Options options, Handle<Request> handle);
  // Every read goes this way: begin(counted) hands it over to a reader's thread, which calls counted(error, answer…) in
  // the place of `done` when it is over. Refused if as many wait as may (OVERLOADED), or by the Error of `begin`, and
  // then neither of the two is called.
  template <typename... Answer, typename Begin>
  Error HandOver(std::function<void(Error, Answer...)> done, Begin begin);
  // Of a caller that is limited: looks first, on a reader's thread, whether it may have to do with what the request
  // names.
  template <typename Request>
  Error HandleLimited(UnaryCall* call, const Caller& caller, const Right& right, Request* request,
                      const Handle<Request>& handle);
  // A method that changes access tokens: `change` may block, and runs on a reader's thread.
  template <typename Request, typename Response>
  void AddTokenChange(const std::string& name,
                      Error (*change)(const Request&, WallMicros, std::vector<Token>*, Response*));
  // A method that the ReadService answers.
  template <typename Request, typename Response>
  void AddRead(RawService* service, const std::string& name,
               void (service::ReadService::*read)(const Request&, std::function<void(Error, Response)>));

  void AddSubmitting();
  void AddOutcomes();
  void AddVerbs();
  void AddJobs();
  void AddSchedules();
  void AddReads();
  void AddAccess();
  template <typename Response, typename Request, typename Encode>
  Error ChangeSchedule(engine::ChangeScheduleCommand::Verb verb, UnaryCall* call, const Caller& caller,
                       const Request& request, Encode encode);
  Error Submit(UnaryCall* call, const Caller& caller, const v1::SubmitRequest& request);
  Error Heartbeat(UnaryCall* call, const Caller& caller, const v1::HeartbeatRequest& request);
  Error GetSchedule(UnaryCall* call, const Caller& caller, const v1::GetScheduleRequest& request);
  Error Explain(UnaryCall* call, const Caller& caller, const v1::ExplainRequest& request);
  // For what only the engine knows.
  void AskEngine(UnaryCall* call, const Caller& caller, const service::Explanation& explanation);
  Error Wait(UnaryCall* call, const Caller& caller, const v1::WaitRequest& request);
  Error ListChildOutcomes(UnaryCall* call, const Caller& caller, const v1::ListChildOutcomesRequest& request);

  Core* const core_;
  RawService* const broker_;
  RawService* const admin_;
  RawService* const access_;
  grpc::ServerCompletionQueue* const queue_;
  UnreadAnswers unread_;
  // Calls that wait for a reader: see HandOver.
  size_t reads_ = 0;
  std::vector<std::unique_ptr<UnaryMethod>> methods_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CALLS_H_
