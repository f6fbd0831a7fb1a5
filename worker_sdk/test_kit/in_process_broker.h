#ifndef BATON_WORKER_SDK_TEST_KIT_IN_PROCESS_BROKER_H_
#define BATON_WORKER_SDK_TEST_KIT_IN_PROCESS_BROKER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "baton/v1/broker.pb.h"
#include "worker_sdk/src/broker_connection.h"
#include "worker_sdk/src/scheduler.h"

namespace baton::inline sdk {
namespace testing {

// A broker in this process as baton::testing::Broker sees it. Free of the broker's headers: some of their names are
// also names of the SDK, so that no file can include both. Thread-safe; what waits must not be called by a handler.
class InProcessBroker {
 public:
  struct Options {
    absl::Time start;
    // How long, in real time, the clock stands still for handlers that are at work.
    absl::Duration patience;
    // Time goes by while a Wait call is open.
    bool waits_pass_time = true;
  };
  // It works as soon as it is made.
  static std::shared_ptr<InProcessBroker> Make(Options options);
  virtual ~InProcessBroker() = default;

  // For one worker or client each.
  virtual std::shared_ptr<internal::BrokerConnection> Connect() = 0;
  virtual std::shared_ptr<internal::Scheduler> MakeScheduler() = 0;

  virtual absl::Time Now() const = 0;
  // Lets time go by for so long, or until `done` is true at a moment when nothing else is to be done.
  virtual void PassTime(absl::Duration time, std::function<bool()> done = nullptr) = 0;
  // Has such a `done`, and the `given_up` of AwaitWorker, looked at again.
  virtual void LookAgain() = 0;
  // As Wait of the wire, but time goes by in any case, and it is refused as soon as nothing would end it but a decision
  // that nobody makes.
  virtual void AwaitEnd(const v1::WaitRequest& request, absl::Duration timeout,
                        internal::Answer<v1::WaitResponse> answer) = 0;

  // Cuts a worker off, or lets it come back. False: no worker of this id has ever connected.
  virtual bool CutOff(const std::string& worker_id, bool cut_off) = 0;
  // Waits, within the patience, until the worker is connected or `given_up` is true; whether it is connected.
  virtual bool AwaitWorker(const std::string& worker_id, const std::function<bool()>& given_up) = 0;

  // Answers what is open, and ends.
  virtual void Stop() = 0;
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEST_KIT_IN_PROCESS_BROKER_H_
