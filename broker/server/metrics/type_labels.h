#ifndef BATON_BROKER_SERVER_METRICS_TYPE_LABELS_H_
#define BATON_BROKER_SERVER_METRICS_TYPE_LABELS_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_set.h"

namespace baton::server {

// What the label `type` of a metric says: callers invent types, and each label value is a series that whoever scrapes
// keeps for weeks. The first types that are asked for get a label of their own, all others share one. What a type has
// got it keeps, so that no counter ever falls. Not thread-safe.
class TypeLabels {
 public:
  static constexpr char kOther[] = "other";

  explicit TypeLabels(size_t most) : most_(most) {}

  // `type`, or kOther if that many have been asked for before.
  std::string LabelOf(const std::string& type) {
    if (own_.contains(type)) return type;
    if (own_.size() >= most_) return kOther;  // As for every type that comes from now on.
    own_.insert(type);
    return type;
  }

 private:
  const size_t most_;
  absl::flat_hash_set<std::string> own_;
};

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_TYPE_LABELS_H_
