// A broker and whoever speaks to it: any sequence of requests, on streams too, of time that goes by and of power cuts.
// Each request is answered with what can be sent; nothing that was acknowledged is lost; in the end what the broker
// knows, what it has stored and what it counts are one, and the store is free of damage.
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "broker/base/check.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/live_broker.h"
#include "tests/fuzz/worker_streams.h"
#include "tests/fuzz/world.h"

namespace baton::fuzz {
namespace {

// Longer ones find nothing that a few of these do not, and take long.
constexpr int kMostSteps = 120;

engine::EngineSettings SmallBroker() {
  engine::EngineSettings settings;
  settings.max_interruptions = 3;
  settings.max_depth = 3;
  settings.max_children = 12;
  settings.max_schedules = 3;
  settings.resident_tasks = 4;
  settings.resident_bytes = 2048;
  return settings;
}

service::ReadSettings SmallReads() {
  service::ReadSettings settings;
  settings.max_page_size = 10;
  settings.default_page_size = 3;
  settings.page_bytes = 2048;
  settings.summary_tasks = 20;
  return settings;
}

class Session {
 public:
  explicit Session(Input input)
      : input_(input), broker_(SmallBroker(), std::make_shared<storage::MemoryDisk>()), streams_(Connected()) {}

  void Run() {
    for (int steps = 0; steps < kMostSteps && !input_.empty(); ++steps) Step();
    End();
  }

 private:
  World* Connected() {
    const absl::Status opened = broker_.Open();
    BATON_CHECK(opened.ok(), opened.ToString());
    broker_.Settle();
    reads_ = std::make_unique<service::ReadService>(&broker_, &broker_.clock(), SmallReads());
    world_.broker = &broker_;
    world_.reads = reads_.get();
    return &world_;
  }

  void Step() {
    const size_t kind = input_.Below(32);
    if (kind < 20) return Call(input_, &world_);
    if (kind < 24) return streams_.Open(input_);
    if (kind == 24) return streams_.Say(input_);
    if (kind == 25) return streams_.Close(input_);
    if (kind == 26) return broker_.Pause(input_.Chance(200) ? kSecond << input_.Below(6) : kDay * input_.Byte());
    if (kind == 27) return Crash();
    if (kind == 28) return broker_.Advance(kSecond << input_.Below(6));
    LiveTime(kSecond * static_cast<Micros>(1 + input_.Below(60)));
  }

  // Time goes by and nobody is lost.
  void LiveTime(Micros time) {
    for (const Micros beat = broker_.settings().beat_interval; time > 0; time -= beat) {
      broker_.Advance(std::min(time, beat));
      streams_.Beat();
    }
  }

  void Crash() {
    broker_.CheckEverything();
    streams_.Break();
    broker_.Crash();
  }

  void End() {
    broker_.CheckEverything();
    CheckNothingIsLost();
    Crash();
    broker_.CheckEverything();
    CheckNothingIsLost();
  }

  void CheckNothingIsLost() {
    const std::shared_ptr<const engine::View> view = broker_.View();
    for (const engine::TaskId id : world_.submitted) {
      const auto state = view->StateOf(id);
      BATON_CHECK(state.ok() && *state != engine::LiveState::NONE, absl::StrCat("task ", id, " is lost"));
    }
    for (const engine::TaskId id : world_.completed) {
      const auto state = view->StateOf(id);
      BATON_CHECK(state.ok() && (*state == engine::LiveState::COMPLETED || *state == engine::LiveState::REMOVED),
                  absl::StrCat("task ", id, " was completed"));
    }
  }

  Input input_;
  LiveBroker broker_;
  std::unique_ptr<service::ReadService> reads_;
  World world_;
  WorkerStreams streams_;
};

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Session(baton::fuzz::Input(data, size)).Run();
  return 0;
}
