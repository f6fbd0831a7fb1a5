// Who gets the next task. Workers that are alike (same handlers, same capabilities) share a profile; a profile knows
// the classes it may run and keeps a lazily checked heap of those that have something due. A handler that takes only so
// many attempts of its type has its worker in a profile of its own, besides the one for its other handlers: there it is
// hungry only while it has room for that type.
#ifndef BATON_BROKER_ENGINE_DISPATCHER_H_
#define BATON_BROKER_ENGINE_DISPATCHER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "broker/engine/catalog.h"
#include "broker/engine/command.h"
#include "broker/engine/ready_order.h"
#include "broker/engine/routing.h"

namespace baton::engine {

// Not thread-safe. `catalog` must outlive it.
class Dispatcher {
 public:
  explicit Dispatcher(const Catalog* catalog) : catalog_(catalog) {}

  // A worker, at once and whenever something of it changes. One that does not accept (closed, draining, silent) or has
  // no free slot gets nothing.
  void SetWorker(SessionNumber session, const WorkerInfo& info, bool counts_as_live);
  // `taken_of`: how many slots the attempts of each type take whose handler has a limit of its own.
  void SetSlots(SessionNumber session, uint32_t taken, uint32_t slots, bool accepting, const TypeSlots& taken_of = {});
  void RemoveWorker(SessionNumber session);

  // A class has something due that it had not before, or can be read again.
  void ClassReady(ClassNumber class_number);
  // While a class is held back, or its type is paused or has reached its limit, nothing of it is chosen.
  void Hold(ClassNumber class_number, bool held);
  void PauseType(const std::string& type, bool paused);
  // 0: no limit.
  void LimitType(const std::string& type, uint32_t max_running);
  // Valid attempts are counted, whatever takes slots.
  void AttemptBegan(ClassNumber class_number);
  void AttemptEnded(ClassNumber class_number);
  uint32_t RunningOf(const std::string& type) const;

  struct Choice {
    ClassNumber class_number;
    OrderKey key;
    SessionNumber session;
  };
  // The first task, by priority, due time and id, of those that some worker with a free slot may run; and the worker:
  // fewest unneeded capabilities first, then the largest share of free slots. Nothing changes by asking.
  std::optional<Choice> Next(ReadyOrder& order);

  bool IsPaused(ClassNumber class_number) { return ClassAt(class_number).paused; }
  // How many attempts of the class that `holder` gave back would go to one other worker, which has slots free, and not
  // to `holder` again: as many as leave it no fuller than `holder` is then. What others give back meanwhile it does not
  // know.
  uint32_t RoomElsewhere(ClassNumber class_number, SessionNumber holder);

  // Whether a live worker could run the class.
  bool Runnable(ClassNumber class_number);

  // Classes whose tasks may be handed out instead of this one's, itself included, ascending: what else the live workers
  // could get that could run it, but what is paused or at the limit of its type or handler. If the class itself is at a
  // limit, on that worker or everywhere, only others of its type: what it waits for is that one of these ends.
  std::vector<ClassNumber> RivalsOf(ClassNumber class_number);

  // For readers. Who is draining it does not know.
  std::shared_ptr<Routing> MakeRouting() const;
  // Kinds of workers, by handlers and capabilities, that it knows.
  size_t profile_count() const { return profiles_.size() - free_profiles_.size(); }

 private:
  struct Head {
    OrderKey key;
    ClassNumber class_number;
    friend bool operator<(const Head& a, const Head& b) { return b.key < a.key; }  // Smallest key on top.
  };
  struct Profile {
    Routing::Group group;  // What its workers have in common.
    uint32_t live_workers = 0;
    uint32_t seats = 0;  // Of all workers; without any it is given up.
    absl::btree_set<std::pair<uint64_t, SessionNumber>> hungry;  // (load, session)
    std::vector<ClassNumber> eligible;
    std::priority_queue<Head> heads;
  };
  // A worker's place in a profile.
  struct Seat {
    uint32_t profile = 0;
    uint32_t most = 0;  // Attempts of its only type; 0: any number, of any of its types.
    bool full = false;  // There are so many, whatever other slots are free.
    bool hungry = false;
  };
  using Seats = absl::InlinedVector<Seat, 1>;
  struct Worker {
    Seats seats;
    uint64_t load = 0;
    uint32_t taken = 0, slots = 0;
    bool live = false;
  };
  struct TypeLimit {
    uint32_t most = 0;
    uint32_t running = 0;
    std::vector<ClassNumber> classes;
    bool reached() const { return running >= most; }
  };
  struct Class {
    std::vector<uint32_t> profiles;  // Eligible ones.
    uint32_t running = 0;
    TypeLimit* limit = nullptr;  // Of its type; null: none.
    bool held = false;
    bool paused = false;
    bool at_limit() const { return limit != nullptr && limit->reached(); }
    bool waits() const { return held || paused || at_limit(); }
  };

  Seats SeatsOf(const WorkerInfo& worker);
  bool HasRoom(const Seat& seat, const TypeSlots& taken_of) const;
  uint32_t ProfileOf(Routing::Group group);
  void LeaveSeats(const Seats& seats);
  // Capabilities that name a host or a version come and go for ever.
  void GiveUp(uint32_t number);
  static bool IsEligible(const Profile& profile, const ClassInfo& info);
  Class& ClassAt(ClassNumber class_number);
  void LearnClasses();
  void SetHungry(SessionNumber session, const Worker& worker, Seat& seat, bool hungry);
  // The worker with its seats leaves its profiles, or joins them.
  void CountLive(const Worker& worker, bool joins);
  // Top of the heap that is still true; nullptr if nothing is due.
  const Head* TopOf(Profile& profile, ReadyOrder& order);
  SessionNumber WorkerFor(ClassNumber class_number);
  // Of the workers that could run the class: in which they may get something instead.
  absl::btree_set<uint32_t> RivalProfilesOf(const Class& own) const;

  const Catalog* catalog_;
  std::vector<Profile> profiles_;
  absl::flat_hash_map<std::string, uint32_t> profile_numbers_;
  std::vector<uint32_t> free_profiles_;
  absl::flat_hash_map<SessionNumber, Worker> workers_;
  std::vector<Class> classes_;  // By class number; [0] is unused.
  absl::flat_hash_set<std::string> paused_types_;
  std::map<std::string, TypeLimit> limits_;  // Classes point into it.
  absl::btree_set<uint32_t> hungry_profiles_;
  // Profiles whose heap has to be filled before it is used: they were not hungry when classes became ready.
  absl::btree_set<uint32_t> stale_profiles_;
};

}  // namespace baton::engine

#endif  // BATON_BROKER_ENGINE_DISPATCHER_H_
