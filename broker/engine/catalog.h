// Facts that many tasks share, told once and then named by number: classes (type and required capabilities) and
// options of claiming workers. Numbers are permanent within a store.
#ifndef BATON_BROKER_ENGINE_CATALOG_H_
#define BATON_BROKER_ENGINE_CATALOG_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "broker/engine/options.h"

namespace baton::engine {

using ClassNumber = uint32_t;
using OptionsNumber = uint32_t;

struct ClassInfo {
  std::string type;
  Capabilities required_capabilities;
};

// Classes and options are numbered from 1 without a gap, but in a damaged store rows may be missing. A number far above
// the one before is damage itself: a catalog with room for all below it might take all memory.
inline bool MayFollow(uint32_t previous, uint32_t number) {
  constexpr uint32_t kMaxMissing = 1'000'000;
  return number > previous && number - previous <= kMaxMissing;
}

// Thread-safe. Only the engine adds; entries never change and live as long as the catalog.
class Catalog {
 public:
  // Number of the class or options, and whether it is new: then the caller stores it.
  struct Interned {
    uint32_t number;
    bool added;
  };
  Interned InternClass(const std::string& type, const Capabilities& required) ABSL_LOCKS_EXCLUDED(mu_);
  // 0: it was never interned.
  ClassNumber FindClass(const std::string& type, const Capabilities& required) const ABSL_LOCKS_EXCLUDED(mu_);
  Interned InternOptions(const ClaimOptions& options) ABSL_LOCKS_EXCLUDED(mu_);

  // While recovering, in ascending order of numbers that may follow each other: puts an entry at its number.
  void RestoreClass(ClassNumber number, ClassInfo info) ABSL_LOCKS_EXCLUDED(mu_);
  void RestoreOptions(OptionsNumber number, ClaimOptions options) ABSL_LOCKS_EXCLUDED(mu_);

  // The number must have been interned.
  const ClassInfo& Class(ClassNumber number) const ABSL_LOCKS_EXCLUDED(mu_);
  const ClaimOptions& OptionsAt(OptionsNumber number) const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether it can have been interned. What a damaged store names may not.
  bool HasClass(ClassNumber number) const ABSL_LOCKS_EXCLUDED(mu_);
  bool HasOptions(OptionsNumber number) const ABSL_LOCKS_EXCLUDED(mu_);
  // All classes of a type, ascending.
  std::vector<ClassNumber> ClassesOf(absl::string_view type) const ABSL_LOCKS_EXCLUDED(mu_);
  // Numbers run from 1 to the count.
  uint32_t class_count() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable absl::Mutex mu_;
  std::deque<ClassInfo> classes_ ABSL_GUARDED_BY(mu_);
  std::deque<ClaimOptions> options_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, ClassNumber> class_numbers_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, OptionsNumber> options_numbers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_CATALOG_H_
