// Which tasks the live workers could run. The engine publishes a new Routing whenever workers come, go or change;
// readers use it to say what a task waits for.
#ifndef BATON_BROKER_ENGINE_ROUTING_H_
#define BATON_BROKER_ENGINE_ROUTING_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/engine/catalog.h"

namespace baton::engine {

// How many slots of a worker the attempts of each type take.
using TypeSlots = absl::flat_hash_map<std::string, uint32_t>;

// Immutable once published.
struct Routing {
  // Workers that are alike: connected, not draining. A worker is in exactly one group for each of its types, but in
  // several if handlers of it have limits of their own.
  struct Group {
    Capabilities capabilities;
    // Type → capabilities its handler requires.
    std::map<std::string, Capabilities> handlers;
    uint32_t workers = 0;
    uint32_t slots = 0;
    uint32_t slots_taken = 0;
    // Workers that take one more; and those that do not although they have a free slot, because of their handler.
    uint32_t with_room = 0;
    uint32_t at_limit = 0;
  };
  // Of a type, over all workers.
  struct Limit {
    uint32_t max_running = 0;
    uint32_t running = 0;
  };
  std::vector<Group> groups;
  std::map<std::string, Limit> limits;  // By type; most have none.
  uint32_t workers = 0;
  uint32_t slots = 0;
  uint32_t slots_taken = 0;
  // Workers that are connected, but draining: they are in no group.
  uint32_t draining = 0;

  // Whether some live worker could run a task of this class.
  bool Runnable(const ClassInfo& info) const;
  // Why none can, as a sentence for people; empty if one can.
  // E.g. "no live worker can run it: none has a handler for 'render'", "…: none declares the capability GPU".
  std::string WhyNot(const ClassInfo& info) const;
  // "waits for the limit of type 'render': 5 of 5 are running"; empty if the limit lets another one begin, or there is
  // none.
  std::string WhyLimited(const std::string& type) const;
};

// Whether the sorted set `have` holds all of the sorted set `need`.
bool Covers(const Capabilities& have, const Capabilities& need);

// Thread-safe holder of the newest Routing.
class RoutingBoard {
 public:
  std::shared_ptr<const Routing> Read() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return current_;
  }
  void Publish(std::shared_ptr<const Routing> routing) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    current_ = std::move(routing);
  }

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const Routing> current_ ABSL_GUARDED_BY(mu_) = std::make_shared<Routing>();
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_ROUTING_H_
