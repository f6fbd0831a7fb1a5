#ifndef BATON_WORKER_SDK_TEST_KIT_CORE_H_
#define BATON_WORKER_SDK_TEST_KIT_CORE_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/service/decoding.h"
#include "broker/service/read/reads.h"
#include "broker/storage/memory_store.h"
#include "worker_sdk/test_kit/driver.h"
#include "worker_sdk/test_kit/in_process_broker.h"
#include "worker_sdk/test_kit/inline_partition.h"
#include "worker_sdk/test_kit/open_waits.h"

namespace baton::inline sdk {
namespace testing {

class InProcessConnection;

// Where deliveries and orders of a session go.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  virtual void Take(engine::SessionOutput output) = 0;
};

// A command of kind Base whose answer calls a function.
template <typename Base>
class Answering final : public Base {
 public:
  std::function<void(Base&)> on_answer;
  void Answer() override { on_answer(*this); }
};

// A broker without a network: the real engine on a store in memory, driven by one thread on a clock that is turned
// by hand.
class Core final : public InProcessBroker, public std::enable_shared_from_this<Core> {
 public:
  explicit Core(Options options);
  // Stops.
  ~Core() override;
  // Begins to work.
  void Start();

  std::shared_ptr<internal::BrokerConnection> Connect() override;
  std::shared_ptr<internal::Scheduler> MakeScheduler() override { return driver_->MakeScheduler(); }
  absl::Time Now() const override { return absl::FromUnixMicros(driver_->clock().Read().wall); }
  void PassTime(absl::Duration time, std::function<bool()> done) override;
  void LookAgain() override ABSL_LOCKS_EXCLUDED(live_mu_);
  void AwaitEnd(const v1::WaitRequest& request, absl::Duration timeout,
                internal::Answer<v1::WaitResponse> answer) override;
  bool CutOff(const std::string& worker_id, bool cut_off) override;
  bool AwaitWorker(const std::string& worker_id, const std::function<bool()>& given_up) override
      ABSL_LOCKS_EXCLUDED(live_mu_);
  void Stop() override;

  Driver& driver() { return *driver_; }

  // ── By the driver's thread ──
  const Options& options() const { return options_; }
  const engine::EngineSettings& settings() const { return settings_; }
  const service::WireLimits& limits() const { return limits_; }
  engine::Partition& partition() { return *partition_; }
  service::ReadService& reads() { return *reads_; }
  OpenWaits& waits() { return *waits_; }
  service::Decoding Decoding() const { return {limits_, partition_->incarnation(), driver_->clock().Read().wall}; }
  Error Send(std::unique_ptr<engine::Command> command) { return partition_->Send(command); }
  void AddSession(engine::SessionNumber session, const std::string& worker_id, SessionSink* sink);
  void RemoveSession(engine::SessionNumber session);
  void AddWorker(const std::string& worker_id, const std::shared_ptr<InProcessConnection>& connection);

 private:
  struct Session {
    std::string worker_id;
    SessionSink* sink;
  };

  bool Step();
  void Release(engine::Outbox outbox);

  const Options options_;
  const engine::EngineSettings settings_;
  const service::WireLimits limits_;
  const std::shared_ptr<Driver> driver_;
  const std::shared_ptr<storage::MemoryDisk> disk_ = std::make_shared<storage::MemoryDisk>();
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<InlinePartition> partition_;
  std::unique_ptr<service::ReadService> reads_;
  std::unique_ptr<OpenWaits> waits_;
  absl::flat_hash_map<engine::SessionNumber, Session> sessions_;
  std::map<std::string, std::weak_ptr<InProcessConnection>> workers_;

  absl::Mutex live_mu_;
  std::multiset<std::string> live_ ABSL_GUARDED_BY(live_mu_);
};

}  // namespace testing
}  // namespace baton::inline sdk

#endif  // BATON_WORKER_SDK_TEST_KIT_CORE_H_
