#ifndef BATON_WORKER_SDK_TEST_KIT_OPEN_WAITS_H_
#define BATON_WORKER_SDK_TEST_KIT_OPEN_WAITS_H_

#include <functional>
#include <list>
#include <memory>

#include "baton/v1/broker.pb.h"
#include "broker/base/error.h"
#include "broker/service/read/reads.h"
#include "worker_sdk/test_kit/driver.h"

namespace baton::inline sdk {
namespace testing {

// Callers that wait for a task to end or to change, in virtual time. Belongs to the driver's thread.
class OpenWaits {
 public:
  struct Wait {
    v1::WaitRequest request;
    SteadyMicros deadline = 0;
    // Time goes by while it waits.
    bool passes_time = false;
    // Refused as soon as nothing would end it but a decision that nobody makes.
    bool ends_if_undecided = false;
    std::function<void(const Error&, v1::WaitResponse)> done;
  };

  // All must outlive it.
  OpenWaits(Driver* driver, engine::Partition* partition, service::ReadService* reads)
      : driver_(driver), partition_(partition), reads_(reads) {}

  void Add(Wait wait);
  // Looks at those whose task has changed or whose time is over; false if there are none.
  bool Step();
  // Nothing else is left to do at this instant.
  void Idle();
  SteadyMicros next() const;
  // Answers all with UNAVAILABLE.
  void Stop();

 private:
  struct Entry {
    Wait wait;
    uint64_t want = 0;
    // Its task may have changed since it was looked at; it is being looked at.
    bool changed = true;
    bool looking = false;
    bool undecided = false;
    bool over = false;
  };
  using EntryPtr = std::shared_ptr<Entry>;

  void Look(const EntryPtr& entry);
  void Judge(const EntryPtr& entry, const Error& error, const v1::Task& task);
  void Answer(const EntryPtr& entry, bool timed_out);
  void Finish(const EntryPtr& entry, const Error& error, v1::WaitResponse response);

  Driver* const driver_;
  engine::Partition* const partition_;
  service::ReadService* const reads_;
  std::list<EntryPtr> entries_;
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEST_KIT_OPEN_WAITS_H_
