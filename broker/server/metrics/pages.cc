#include "broker/server/metrics/pages.h"

#include <prometheus/text_serializer.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::server {
namespace {

constexpr char kPaths[] = "/metrics, /healthz and /readyz";

HttpPage Refused(int status, std::string text) {
  HttpPage page;
  page.status = status;
  page.body = std::move(text);
  return page;
}

HttpPage Fine(std::string text) { return Refused(200, std::move(text)); }

}  // namespace

void Pages::Serve(std::shared_ptr<const prometheus::Collectable> collector, const engine::PartitionMeters* meters,
                  const Clock* clock) {
  absl::MutexLock lock(&mu_);
  phase_ = Phase::kServing;
  collector_ = std::move(collector);
  meters_ = meters;
  clock_ = clock;
}

void Pages::Drain() {
  absl::MutexLock lock(&mu_);
  phase_ = Phase::kDraining;
}

HttpPage Pages::Answer(const std::string& method, const std::string& path) const {
  if (method != "GET" && method != "HEAD") {
    return Refused(405, absl::StrCat("method ", method, " is not served: use GET\n"));
  }
  if (path == "/metrics") return Metrics();
  if (path == "/healthz") return Health();
  if (path == "/readyz") return Readiness();
  return Refused(404, absl::StrCat("there is no such page: there are ", kPaths, "\n"));
}

HttpPage Pages::Metrics() const {
  std::shared_ptr<const prometheus::Collectable> collector;
  {
    absl::MutexLock lock(&mu_);
    collector = collector_;
  }
  if (collector == nullptr) return Refused(503, "opening the store: there are no metrics yet\n");
  HttpPage page = Fine(prometheus::TextSerializer().Serialize(collector->Collect()));
  page.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return page;
}

HttpPage Pages::Health() const {
  absl::MutexLock lock(&mu_);
  if (meters_ == nullptr) return Fine("ok: opening the store\n");
  const SteadyMicros began = meters_->round_began.load(std::memory_order_relaxed);
  const Micros taken = began == 0 ? 0 : clock_->Read().steady - began;
  if (taken <= kStuck) return Fine("ok\n");
  return Refused(503, absl::StrCat("the engine has been at one round for ", taken / kSecond, " s, at most ",
                                   kStuck / kSecond, " s is in order: look at the disk and at the log\n"));
}

HttpPage Pages::Readiness() const {
  absl::MutexLock lock(&mu_);
  switch (phase_) {
    case Phase::kOpening:
      return Refused(503, "opening the store: wait\n");
    case Phase::kServing:
      return Fine("ok\n");
    case Phase::kDraining:
      return Refused(503, "draining: no new tasks and workers are taken\n");
  }
  return Refused(503, "unknown\n");
}

}  // namespace baton::server
