#ifndef BATON_BROKER_SERVER_CORE_H_
#define BATON_BROKER_SERVER_CORE_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "broker/base/clock.h"
#include "broker/engine/command.h"
#include "broker/engine/run/partition.h"
#include "broker/server/access/token_store.h"
#include "broker/server/caller.h"
#include "broker/server/mailbox.h"
#include "broker/server/meters.h"
#include "broker/service/backups.h"
#include "broker/service/decoding.h"
#include "broker/service/limits.h"
#include "broker/service/read/reads.h"
#include "broker/storage/space_guard.h"

namespace baton::server {

// Where deliveries and orders of a session go.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  virtual void Take(engine::SessionOutput output) = 0;
};

// What a core is made of. All must outlive it.
struct CoreParts {
  struct Settings {
    service::WireLimits limits;
    engine::EngineSettings engine;
    std::string broker_version;
    Micros watch_heartbeat = 15 * kSecond;
    storage::SpaceGuard::Options space;
    // Answers that clients have not read yet, all together.
    size_t unread_bytes = 256 << 20;
  };
  Settings settings;
  engine::Partition* partition;
  service::ReadService* reads;
  service::BackupService* backups;
  const Clock* clock;
  Mailbox* mailbox;
  ServerMeters* meters;
  const Access* access;
  // Null: no access control.
  TokenStore* tokens;
};

// What all calls share. Belongs to the completion queue's thread.
class Core : public CoreParts {
 public:
  explicit Core(CoreParts parts) : CoreParts(std::move(parts)), space_guard_(settings.space) {}

  // `types`: those that the caller may have to do with; null: all.
  service::Decoding Decoding(const service::TypePrefixes* types = nullptr) const {
    return {settings.limits, partition->incarnation(), clock->Read().wall, types};
  }

  // Whether there is room on the disk for what a caller wants to add (DISK_FULL).
  Error CheckSpace() { return space_guard_.Check(clock->Read().steady); }

  // Sends a command that must not get lost: when its lane is full it waits here, before all later ones.
  void SendSurely(std::unique_ptr<engine::Command> command);

  // What the partition releases: answers first, then what sessions get.
  void Release(engine::Outbox outbox);

  void AddSession(engine::SessionNumber session, SessionSink* sink) { sessions_[session] = sink; }
  void RemoveSession(engine::SessionNumber session) { sessions_.erase(session); }

  // New tasks and new sessions are refused.
  bool draining = false;
  // Streams are ended because the process ends.
  bool stopping = false;

 private:
  void SendUnsent();

  absl::flat_hash_map<engine::SessionNumber, SessionSink*> sessions_;
  std::deque<std::unique_ptr<engine::Command>> unsent_;
  storage::SpaceGuard space_guard_;
};

// A command of kind Base whose answer calls a function, on the completion queue's thread.
template <typename Base>
class Answering final : public Base {
 public:
  std::function<void(Base&)> on_answer;
  void Answer() override { on_answer(*this); }
};

inline Error DrainingError() {
  return Unavailable("DRAINING", "the broker is draining: retry with backoff until it has been started again");
}

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_CORE_H_
