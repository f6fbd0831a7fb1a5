#ifndef BATON_WORKER_SDK_TEST_KIT_IN_PROCESS_CONNECTION_H_
#define BATON_WORKER_SDK_TEST_KIT_IN_PROCESS_CONNECTION_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/test_kit/core.h"

namespace baton::inline sdk {
namespace testing {

// What the wire would carry.
absl::Status StatusOf(const Error& error);

// A call that is under way. It is answered in any case: with CANCELLED if it is dropped before.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  virtual void Fail(const absl::Status& status) = 0;
};

template <typename Response>
class OpenCallOf final : public OpenCall {
 public:
  explicit OpenCallOf(internal::Answer<Response> answer) : answer_(std::move(answer)) {}
  ~OpenCallOf() override { Fail(absl::CancelledError("the broker of the test is gone")); }

  void Fail(const absl::Status& status) override {
    Response response;
    Finish(status, response);
  }
  void Finish(const absl::Status& status, Response& response) {
    if (answer_ == nullptr) return;
    // What the answer holds may be what holds this call.
    const internal::Answer<Response> answer = std::exchange(answer_, nullptr);
    answer(status, response);
  }

 private:
  internal::Answer<Response> answer_;
};

// What the gRPC connection is to batond: calls become commands of the engine, by the same decoders and encoders.
class InProcessConnection final : public internal::BrokerConnection,
                                  public SessionSink,
                                  public std::enable_shared_from_this<InProcessConnection> {
 public:
  explicit InProcessConnection(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  void OpenClaim(uint64_t stream, const v1::Hello& hello, std::weak_ptr<internal::ClaimObserver> observer) override;
  void UpdateClaim(uint64_t stream, const v1::WorkerUpdate& update) override;
  void HalfCloseClaim(uint64_t stream) override;
  void CancelClaim(uint64_t stream) override;

#define BATON_CALL(method)                                                       \
  void method(const v1::method##Request& request, internal::CallOptions options, \
              internal::Answer<v1::method##Response> answer) override;
  BATON_CALL(Heartbeat)
  BATON_CALL(Complete)
  BATON_CALL(Audit)
  BATON_CALL(Progress)
  BATON_CALL(SpawnChildren)
  BATON_CALL(ListChildOutcomes)
  BATON_CALL(Submit)
  BATON_CALL(Get)
  BATON_CALL(Wait)
  BATON_CALL(Cancel)
  BATON_CALL(Resume)
  BATON_CALL(CreateSchedule)
  BATON_CALL(PauseSchedule)
  BATON_CALL(UnpauseSchedule)
  BATON_CALL(TriggerSchedule)
  BATON_CALL(DeleteSchedule)
#undef BATON_CALL

  // There is nowhere else to go.
  void SetAddress(const std::string& /*address*/, bool /*stay_encrypted*/) override {}
  void Close() override;

  // ── On the driver's thread ──
  void Take(engine::SessionOutput output) override;
  // Cut off, the broker finds its stream closed, and it finds the broker gone.
  void CutOff(bool cut_off);
  // The broker is going.
  void End();

 private:
  template <typename Response>
  using CallPtr = std::shared_ptr<OpenCallOf<Response>>;

  // Has `handle` answer the call on the driver's thread, or return the Error that refuses it.
  template <typename Response>
  void Call(internal::Answer<Response> answer, std::function<Error(const CallPtr<Response>&)> handle);
  template <typename Response>
  void Finish(const CallPtr<Response>& call, const Error& error, Response& response);
  // A command that answers `call` with what encode(Command&, Response*) makes of its results.
  template <typename Command, typename Response, typename Encode>
  std::unique_ptr<Answering<Command>> CommandFor(const CallPtr<Response>& call, Encode encode);
  // Unless something was wrong with the request.
  Error Send(const Error& error, std::unique_ptr<engine::Command> command) {
    return error.ok() ? core_->Send(std::move(command)) : error;
  }
  template <typename Response, typename Request, typename Encode>
  void ChangeSchedule(engine::ChangeScheduleCommand::Verb verb, const Request& request, const std::string& reason,
                      internal::Answer<Response> answer, Encode encode);

  void Post(std::function<void()> work);
  void SayHello(uint64_t stream, const v1::Hello& hello);
  void Welcome(uint64_t stream, engine::HelloCommand& hello);
  void Update(uint64_t stream, const v1::WorkerUpdate& update);
  void Say(v1::ClaimResponse message);
  void CloseSession();
  void EndStream(uint64_t stream, const absl::Status& status);

  const std::shared_ptr<Core> core_;
  std::atomic<bool> closed_ = false;

  // Of the driver's thread.
  std::map<OpenCall*, std::shared_ptr<OpenCall>> calls_;
  std::weak_ptr<internal::ClaimObserver> observer_;
  // The stream that is open; 0: none.
  uint64_t stream_ = 0;
  engine::SessionNumber session_ = 0;
  std::string worker_id_;
  bool dismissed_ = false;
  bool cut_off_ = false;
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEST_KIT_IN_PROCESS_CONNECTION_H_
