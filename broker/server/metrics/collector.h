#ifndef BATON_BROKER_SERVER_METRICS_COLLECTOR_H_
#define BATON_BROKER_SERVER_METRICS_COLLECTOR_H_

#include <prometheus/collectable.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/clock.h"
#include "broker/engine/run/partition.h"
#include "broker/server/meters.h"
#include "broker/server/metrics/families.h"
#include "broker/server/metrics/type_labels.h"
#include "broker/storage/store.h"

namespace baton::server {

// All metrics of a broker, read when they are asked for: nothing is collected in between. Thread-safe. Waits for a view
// of the live table, but not for ever: without one the metrics by type are left out, and baton_live_table_readable is
// 0.
class MetricsCollector final : public prometheus::Collectable {
 public:
  // All must outlive it.
  struct Parts {
    engine::Partition* partition;
    const storage::Store* store;
    const ServerMeters* server;
    const Clock* clock;
    std::string version;
    // Types with metrics of their own.
    size_t types = 100;
    // How long to wait for a view.
    Micros patience = 2 * kSecond;
  };

  explicit MetricsCollector(Parts parts) : parts_(std::move(parts)), labels_(parts_.types) {}

  std::vector<prometheus::MetricFamily> Collect() const override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Null: there was none in time.
  std::shared_ptr<const engine::View> WaitForView() const;
  // False if the live table is damaged.
  bool AddTaskFamilies(const engine::View& view, Families* families) const ABSL_LOCKS_EXCLUDED(mu_);

  const Parts parts_;
  mutable absl::Mutex mu_;
  mutable TypeLabels labels_ ABSL_GUARDED_BY(mu_);
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_COLLECTOR_H_
