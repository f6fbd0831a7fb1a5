// One partition of a broker, running: the engine on its thread, the committer and the follower behind it, readers
// beside it. Everything above it sees only this.
#ifndef BATON_BROKER_ENGINE_RUN_PARTITION_H_
#define BATON_BROKER_ENGINE_RUN_PARTITION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/engine/command.h"
#include "broker/engine/limits.h"
#include "broker/engine/live/activity.h"
#include "broker/engine/live/loader.h"
#include "broker/engine/live/view.h"
#include "broker/engine/routing.h"
#include "broker/engine/run/meters.h"
#include "broker/storage/store.h"

namespace baton::engine {

struct PartitionOptions {
  EngineSettings engine;
  std::string broker_version;
  // Draws the incarnation of a new or restored store, and nothing else.
  std::function<uint64_t()> random;
  // Gets what may leave the process, in order. Called by the committer's thread (or the engine's, when nothing had to
  // be written); must only pass it on.
  std::function<void(Outbox)> release;
  // Reads the filters of bulk jobs (StartJobCommand), on the loader's thread; null: none are started.
  FindMatches find_matches;
  // Gets what an operator should know although everything goes on; null: nobody is told. By one thread at a time;
  // must not block.
  std::function<void(const std::string& what)> warn;
  // Called once when the partition cannot go on (a commit failed); must not return: the process has to stop.
  std::function<void(const std::string& why)> fatal;
};

// Thread-safe.
class Partition {
 public:
  // Recovers the live table and starts the threads. Errors: DATA_LOSS what is stored contradicts itself;
  // FAILED_PRECONDITION the store has a newer format (the message names both versions).
  static absl::StatusOr<std::unique_ptr<Partition>> Start(PartitionOptions options, storage::Store* store,
                                                          const Clock* clock);
  virtual ~Partition() = default;

  // Takes the command unless its lane is full: then nothing is taken, and the Error (RESOURCE_EXHAUSTED, OVERLOADED)
  // says when to try again. Of each caller, commands of one lane are applied in order.
  virtual Error Send(std::unique_ptr<Command>& command) = 0;

  // Calls `done` on a reader's thread with a view that holds at least everything answered before this call.
  using ReadDone = std::function<void(std::shared_ptr<const View>)>;
  virtual void Read(ReadDone done) = 0;

  // A snapshot of the store alone, as of the last commit: for look-ups of keys before a command is sent.
  virtual std::shared_ptr<const storage::Snapshot> Snapshot() const = 0;

  // Calls `changed` once, soon after a later commit changed the task. A task watched before a Read of it is never
  // missed. The callback runs on the follower's thread and must only pass it on.
  virtual uint64_t Watch(TaskId task, std::function<void()> changed) = 0;
  // The same for any change of any task, some 10 ms after it.
  virtual uint64_t WatchAny(std::function<void()> changed) = 0;
  virtual void Unwatch(uint64_t watch) = 0;

  virtual const RoutingBoard& routing() const = 0;
  // What happened since the start, or lately.
  virtual const ActivityBoard& activity() const = 0;
  virtual uint64_t incarnation() const = 0;
  // What its threads have done so far.
  const PartitionMeters& meters() const { return meters_; }

  // Stops taking commands, applies what was taken, stores it and all pages, and stops the threads. Commands that were
  // not answered are dropped. Idempotent.
  virtual void Stop() = 0;

 protected:
  PartitionMeters meters_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_RUN_PARTITION_H_
