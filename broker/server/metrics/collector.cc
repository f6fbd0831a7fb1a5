#include "broker/server/metrics/collector.h"

#include <utility>

#include "absl/status/statusor.h"
#include "broker/base/steady_notification.h"
#include "broker/server/metrics/broker_families.h"
#include "broker/server/metrics/task_families.h"
#include "broker/service/read/oldest_tasks.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

// For the search of the oldest tasks, which may have to pass many millions of live ones.
constexpr Micros kSearchBudget = 50 * kMillisecond;

// What a read passes to whoever waits for it; both may be the last to let go.
struct Handover {
  SteadyNotification passed;
  std::shared_ptr<const engine::View> view;
};

}  // namespace

std::vector<prometheus::MetricFamily> MetricsCollector::Collect() const {
  Families families;
  AddBuildFamily(parts_.version, &families);
  AddWorkerFamilies(*parts_.partition->routing().Read(), &families);
  AddEngineFamilies(parts_.partition->meters(), &families);
  AddStoreFamilies(*parts_.store, &families);
  AddServerFamilies(*parts_.server, &families);
  AddProcessFamilies(&families);
  const std::shared_ptr<const engine::View> view = WaitForView();
  const bool readable = view != nullptr && AddTaskFamilies(*view, &families);
  families.push_back(OneGauge("baton_live_table_readable",
                              "1 if the metrics by type could be read; 0: they are left out.", readable ? 1 : 0));
  return families;
}

std::shared_ptr<const engine::View> MetricsCollector::WaitForView() const {
  auto handover = std::make_shared<Handover>();
  parts_.partition->Read([handover](std::shared_ptr<const engine::View> view) {
    handover->view = std::move(view);
    handover->passed.Notify();
  });
  if (!handover->passed.WaitFor(parts_.patience)) return nullptr;
  return std::move(handover->view);
}

bool MetricsCollector::AddTaskFamilies(const engine::View& view, Families* families) const {
  const WallMicros now = parts_.clock->Read().wall;
  const absl::StatusOr<service::OldestByClass> oldest = service::FindOldest(view, now, *parts_.clock, kSearchBudget);
  if (!oldest.ok()) {
    spdlog::error("metrics: the live table cannot be read: {}", std::string(oldest.status().message()));
    return false;
  }
  const std::shared_ptr<const engine::Routing> routing = parts_.partition->routing().Read();
  absl::MutexLock lock(&mu_);
  const TaskSources sources{view, *routing, parts_.partition->activity(), parts_.partition->meters().attempt_ends,
                            *oldest};
  for (prometheus::MetricFamily& family : TaskFamilies(GatherTypes(sources, &labels_), now)) {
    families->push_back(std::move(family));
  }
  return true;
}

}  // namespace baton::server
