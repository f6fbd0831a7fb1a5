// What the HTTP server of a broker answers, without HTTP.
#ifndef BATON_BROKER_SERVER_METRICS_PAGES_H_
#define BATON_BROKER_SERVER_METRICS_PAGES_H_

#include <prometheus/collectable.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/base/clock.h"
#include "broker/engine/run/meters.h"

namespace baton::server {

struct HttpPage {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// The pages /metrics, /healthz and /readyz. Thread-safe.
//
//   opening ──Serve──▶ serving ──Drain──▶ draining
class Pages {
 public:
  // From now on the broker serves. `meters` and `clock` must outlive the pages.
  void Serve(std::shared_ptr<const prometheus::Collectable> collector, const engine::PartitionMeters* meters,
             const Clock* clock) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on it takes no new work.
  void Drain() ABSL_LOCKS_EXCLUDED(mu_);

  // 404 for a path that there is not, 405 for any method but GET and HEAD; 503 from /metrics while the broker opens its
  // store, from /readyz unless it serves, from /healthz if a round of the engine has taken longer than kStuck.
  HttpPage Answer(const std::string& method, const std::string& path) const ABSL_LOCKS_EXCLUDED(mu_);

  // Longer than any sync that a working disk takes.
  static constexpr Micros kStuck = 30 * kSecond;

 private:
  enum class Phase { kOpening, kServing, kDraining };

  HttpPage Metrics() const ABSL_LOCKS_EXCLUDED(mu_);
  HttpPage Health() const ABSL_LOCKS_EXCLUDED(mu_);
  HttpPage Readiness() const ABSL_LOCKS_EXCLUDED(mu_);

  mutable absl::Mutex mu_;
  Phase phase_ ABSL_GUARDED_BY(mu_) = Phase::kOpening;
  std::shared_ptr<const prometheus::Collectable> collector_ ABSL_GUARDED_BY(mu_);
  const engine::PartitionMeters* meters_ ABSL_GUARDED_BY(mu_) = nullptr;
  const Clock* clock_ ABSL_GUARDED_BY(mu_) = nullptr;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_PAGES_H_
