#include "broker/engine/dispatcher.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace baton::engine {
namespace {

// Taken share of the slots, in millionths: the smaller, the hungrier.
uint64_t LoadOf(uint32_t taken, uint32_t slots) { return uint64_t{taken} * 1'000'000 / slots; }

std::string ProfileKey(const Routing::Group& group) {
  std::string key = absl::StrJoin(group.capabilities, " ");
  for (const auto& [type, required] : group.handlers)
    absl::StrAppend(&key, "|", type, " ", absl::StrJoin(required, " "));
  return key;
}

}  // namespace

void Dispatcher::SetWorker(SessionNumber session, const WorkerInfo& info, bool counts_as_live) {
  Seats seats = SeatsOf(info);
  Worker& worker = workers_[session];
  const bool same = std::equal(seats.begin(), seats.end(), worker.seats.begin(), worker.seats.end(),
                               [](const Seat& a, const Seat& b) { return a.profile == b.profile && a.most == b.most; });
  if (same && worker.live == counts_as_live) return;
  for (Seat& seat : worker.seats) SetHungry(session, worker, seat, false);
  CountLive(worker, false);
  for (const Seat& seat : seats) ++profiles_[seat.profile].seats;
  LeaveSeats(std::exchange(worker.seats, std::move(seats)));
  worker.live = counts_as_live;
  CountLive(worker, true);
}

void Dispatcher::CountLive(const Worker& worker, bool joins) {
  if (!worker.live) return;
  for (const Seat& seat : worker.seats) profiles_[seat.profile].live_workers += joins ? 1 : -1;
}

void Dispatcher::SetSlots(SessionNumber session, uint32_t taken, uint32_t slots, bool accepting,
                          const TypeSlots& taken_of) {
  Worker& worker = workers_[session];
  for (Seat& seat : worker.seats) {
    SetHungry(session, worker, seat, false);
    seat.full = !HasRoom(seat, taken_of);
  }
  worker.taken = taken;
  worker.slots = slots;
  if (!accepting || taken >= slots) return;
  worker.load = LoadOf(taken, slots);
  for (Seat& seat : worker.seats) SetHungry(session, worker, seat, !seat.full);
}

bool Dispatcher::HasRoom(const Seat& seat, const TypeSlots& taken_of) const {
  if (seat.most == 0) return true;
  const auto taken = taken_of.find(profiles_[seat.profile].group.handlers.begin()->first);
  return taken == taken_of.end() || taken->second < seat.most;
}

void Dispatcher::RemoveWorker(SessionNumber session) {
  const auto it = workers_.find(session);
  if (it == workers_.end()) return;
  for (Seat& seat : it->second.seats) SetHungry(session, it->second, seat, false);
  CountLive(it->second, false);
  LeaveSeats(it->second.seats);
  workers_.erase(it);
}

void Dispatcher::LeaveSeats(const Seats& seats) {
  for (const Seat& seat : seats) {
    if (--profiles_[seat.profile].seats == 0) GiveUp(seat.profile);
  }
}

void Dispatcher::GiveUp(uint32_t number) {
  Profile& profile = profiles_[number];
  for (const ClassNumber eligible : profile.eligible) std::erase(classes_[eligible].profiles, number);
  profile_numbers_.erase(ProfileKey(profile.group));
  hungry_profiles_.erase(number);
  stale_profiles_.erase(number);
  profile = Profile();
  free_profiles_.push_back(number);
}

void Dispatcher::SetHungry(SessionNumber session, const Worker& worker, Seat& seat, bool hungry) {
  if (seat.hungry == hungry) return;
  seat.hungry = hungry;
  Profile& profile = profiles_[seat.profile];
  if (hungry) {
    if (profile.hungry.empty() && hungry_profiles_.insert(seat.profile).second) stale_profiles_.insert(seat.profile);
    profile.hungry.insert({worker.load, session});
  } else {
    profile.hungry.erase({worker.load, session});
  }
}

Dispatcher::Seats Dispatcher::SeatsOf(const WorkerInfo& worker) {
  Seats seats;
  Routing::Group unlimited;
  unlimited.capabilities = worker.capabilities;
  for (const HandlerInfo& handler : worker.handlers) {
    const Capabilities required = handler.options.required_capabilities.value_or(Capabilities());
    if (handler.max_concurrency == 0) {
      unlimited.handlers[handler.type] = required;
      continue;
    }
    Routing::Group alone;
    alone.capabilities = worker.capabilities;
    alone.handlers[handler.type] = required;
    seats.push_back({ProfileOf(std::move(alone)), handler.max_concurrency});
  }
  if (!unlimited.handlers.empty() || seats.empty()) seats.push_back({ProfileOf(std::move(unlimited))});
  return seats;
}

uint32_t Dispatcher::ProfileOf(Routing::Group group) {
  const auto [it, added] = profile_numbers_.try_emplace(ProfileKey(group), static_cast<uint32_t>(profiles_.size()));
  if (!added) return it->second;
  LearnClasses();
  if (free_profiles_.empty()) {
    profiles_.emplace_back();
  } else {
    it->second = free_profiles_.back();
    free_profiles_.pop_back();
  }
  const uint32_t profile_number = it->second;
  Profile& profile = profiles_[profile_number];
  profile.group = std::move(group);
  for (ClassNumber number = 1; number < classes_.size(); ++number) {
    if (!IsEligible(profile, catalog_->Class(number))) continue;
    profile.eligible.push_back(number);
    classes_[number].profiles.push_back(profile_number);
  }
  return profile_number;
}

bool Dispatcher::IsEligible(const Profile& profile, const ClassInfo& info) {
  const auto handler = profile.group.handlers.find(info.type);
  return handler != profile.group.handlers.end() && Covers(profile.group.capabilities, handler->second) &&
         Covers(profile.group.capabilities, info.required_capabilities);
}

void Dispatcher::LearnClasses() {
  const uint32_t count = catalog_->class_count();
  for (ClassNumber number = std::max<size_t>(classes_.size(), 1); number <= count; ++number) {
    classes_.resize(number + 1);
    const std::string& type = catalog_->Class(number).type;
    classes_[number].paused = paused_types_.contains(type);
    if (const auto limit = limits_.find(type); limit != limits_.end()) {
      classes_[number].limit = &limit->second;
      limit->second.classes.push_back(number);
    }
    for (uint32_t profile = 0; profile < profiles_.size(); ++profile) {
      if (!IsEligible(profiles_[profile], catalog_->Class(number))) continue;
      profiles_[profile].eligible.push_back(number);
      classes_[number].profiles.push_back(profile);
    }
  }
}

Dispatcher::Class& Dispatcher::ClassAt(ClassNumber class_number) {
  if (class_number >= classes_.size()) LearnClasses();
  return classes_[class_number];
}

void Dispatcher::ClassReady(ClassNumber class_number) {
  for (const uint32_t number : ClassAt(class_number).profiles) {
    // A key that is too small is found out when it comes to the top.
    if (hungry_profiles_.contains(number)) profiles_[number].heads.push({OrderKey{INT64_MIN, 0, 0}, class_number});
  }
}

void Dispatcher::Hold(ClassNumber class_number, bool held) {
  ClassAt(class_number).held = held;
  if (!held) ClassReady(class_number);
}

void Dispatcher::PauseType(const std::string& type, bool paused) {
  LearnClasses();
  if (paused) {
    paused_types_.insert(type);
  } else {
    paused_types_.erase(type);
  }
  for (const ClassNumber number : catalog_->ClassesOf(type)) {
    classes_[number].paused = paused;
    if (!paused) ClassReady(number);
  }
}

void Dispatcher::LimitType(const std::string& type, uint32_t max_running) {
  LearnClasses();
  const std::vector<ClassNumber> classes = catalog_->ClassesOf(type);
  if (max_running == 0) {
    for (const ClassNumber number : classes) classes_[number].limit = nullptr;
    limits_.erase(type);
  } else {
    TypeLimit& limit = limits_[type];
    limit = {max_running, RunningOf(type), classes};
    for (const ClassNumber number : classes) classes_[number].limit = &limit;
  }
  for (const ClassNumber number : classes) ClassReady(number);
}

void Dispatcher::AttemptBegan(ClassNumber class_number) {
  Class& of = ClassAt(class_number);
  ++of.running;
  if (of.limit != nullptr) ++of.limit->running;
}

void Dispatcher::AttemptEnded(ClassNumber class_number) {
  Class& of = ClassAt(class_number);
  --of.running;
  if (of.limit == nullptr) return;
  const bool was_reached = of.limit->reached();
  --of.limit->running;
  if (!was_reached || of.limit->reached()) return;
  for (const ClassNumber number : of.limit->classes) ClassReady(number);
}

uint32_t Dispatcher::RunningOf(const std::string& type) const {
  uint32_t running = 0;
  for (const ClassNumber number : catalog_->ClassesOf(type)) {
    if (number < classes_.size()) running += classes_[number].running;
  }
  return running;
}

const Dispatcher::Head* Dispatcher::TopOf(Profile& profile, ReadyOrder& order) {
  while (!profile.heads.empty()) {
    const Head& top = profile.heads.top();
    const ReadyOrder::Queue& queue = order.QueueAt(top.class_number);
    if (queue.empty() || classes_[top.class_number].waits()) {
      profile.heads.pop();
      continue;
    }
    if (top.key == queue.front()) return &top;
    const Head corrected{queue.front(), top.class_number};
    profile.heads.pop();
    // Of several entries of one class only one stays.
    if (!profile.heads.empty() && profile.heads.top().class_number == corrected.class_number &&
        profile.heads.top().key == corrected.key) {
      continue;
    }
    profile.heads.push(corrected);
  }
  return nullptr;
}

std::optional<Dispatcher::Choice> Dispatcher::Next(ReadyOrder& order) {
  const Head* best = nullptr;
  for (auto it = hungry_profiles_.begin(); it != hungry_profiles_.end();) {
    Profile& profile = profiles_[*it];
    if (profile.hungry.empty()) {
      profile.heads = {};
      it = hungry_profiles_.erase(it);
      continue;
    }
    if (stale_profiles_.erase(*it) > 0) {
      profile.heads = {};
      for (const ClassNumber number : profile.eligible) {
        const ReadyOrder::Queue& queue = order.QueueAt(number);
        if (!queue.empty()) profile.heads.push({queue.front(), number});
      }
    }
    const Head* top = TopOf(profile, order);
    if (top != nullptr && (best == nullptr || top->key < best->key)) best = top;
    ++it;
  }
  if (best == nullptr) return std::nullopt;
  return Choice{best->class_number, best->key, WorkerFor(best->class_number)};
}

SessionNumber Dispatcher::WorkerFor(ClassNumber class_number) {
  const Profile* chosen = nullptr;
  for (const uint32_t number : classes_[class_number].profiles) {
    const Profile& profile = profiles_[number];
    if (profile.hungry.empty()) continue;
    const size_t capabilities = profile.group.capabilities.size();
    if (chosen == nullptr || capabilities < chosen->group.capabilities.size() ||
        (capabilities == chosen->group.capabilities.size() && *profile.hungry.begin() < *chosen->hungry.begin())) {
      chosen = &profile;
    }
  }
  return chosen->hungry.begin()->second;
}

uint32_t Dispatcher::RoomElsewhere(ClassNumber class_number, SessionNumber holder) {
  const Worker& from = workers_.at(holder);
  const size_t capabilities = profiles_[from.seats.front().profile].group.capabilities.size();
  uint64_t room = 0;
  for (const uint32_t number : ClassAt(class_number).profiles) {
    const Profile& profile = profiles_[number];
    // With more capabilities than the holder it would not be chosen before it.
    if (profile.hungry.empty() || profile.group.capabilities.size() > capabilities) continue;
    const Worker& to = workers_.at(profile.hungry.begin()->second);
    const uint64_t fuller = uint64_t{from.taken} * to.slots, emptier = uint64_t{to.taken} * from.slots;
    if (fuller <= emptier) continue;
    uint64_t takes = std::min<uint64_t>((fuller - emptier) / (from.slots + to.slots), to.slots - to.taken);
    // How many more its handler takes is not known here, but that it takes one.
    for (const Seat& seat : to.seats) {
      if (seat.profile == number && seat.most != 0) takes = std::min<uint64_t>(takes, 1);
    }
    room = std::max(room, takes);
  }
  return static_cast<uint32_t>(room);
}

bool Dispatcher::Runnable(ClassNumber class_number) {
  for (const uint32_t number : ClassAt(class_number).profiles) {
    if (profiles_[number].live_workers > 0) return true;
  }
  return false;
}

std::vector<ClassNumber> Dispatcher::RivalsOf(ClassNumber class_number) {
  if (!Runnable(class_number)) return {};
  const Class& own = classes_[class_number];
  std::vector<ClassNumber> rivals;
  if (own.at_limit()) {
    // Wherever they run.
    std::copy_if(own.limit->classes.begin(), own.limit->classes.end(), std::back_inserter(rivals),
                 [this](ClassNumber rival) { return !classes_[rival].paused && Runnable(rival); });
  } else {
    for (const uint32_t number : RivalProfilesOf(own)) {
      const Profile& profile = profiles_[number];
      std::copy_if(profile.eligible.begin(), profile.eligible.end(), std::back_inserter(rivals),
                   [this](ClassNumber rival) { return !classes_[rival].paused && !classes_[rival].at_limit(); });
    }
  }
  std::sort(rivals.begin(), rivals.end());
  rivals.erase(std::unique(rivals.begin(), rivals.end()), rivals.end());
  return rivals;
}

absl::btree_set<uint32_t> Dispatcher::RivalProfilesOf(const Class& own) const {
  absl::btree_set<uint32_t> profiles;
  for (const auto& [session, worker] : workers_) {
    const auto* const able = std::find_if(worker.seats.begin(), worker.seats.end(), [&own](const Seat& seat) {
      return std::find(own.profiles.begin(), own.profiles.end(), seat.profile) != own.profiles.end();
    });
    if (!worker.live || able == worker.seats.end()) continue;
    if (able->full) {
      profiles.insert(able->profile);  // Nothing but its type.
      continue;
    }
    // What it runs of one takes the slots of the others.
    for (const Seat& seat : worker.seats) {
      if (!seat.full) profiles.insert(seat.profile);
    }
  }
  return profiles;
}

std::shared_ptr<Routing> Dispatcher::MakeRouting() const {
  auto routing = std::make_shared<Routing>();
  std::vector<Routing::Group> groups(profiles_.size());
  for (const auto& [session, worker] : workers_) {
    if (!worker.live) continue;
    ++routing->workers;
    routing->slots += worker.slots;
    routing->slots_taken += worker.taken;
    for (const Seat& seat : worker.seats) {
      Routing::Group& group = groups[seat.profile];
      ++group.workers;
      group.slots += worker.slots;
      group.slots_taken += worker.taken;
      group.with_room += seat.hungry ? 1 : 0;
      group.at_limit += seat.full && worker.taken < worker.slots ? 1 : 0;
    }
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].workers == 0) continue;
    groups[i].capabilities = profiles_[i].group.capabilities;
    groups[i].handlers = profiles_[i].group.handlers;
    routing->groups.push_back(std::move(groups[i]));
  }
  for (const auto& [type, limit] : limits_) routing->limits[type] = {limit.most, limit.running};
  return routing;
}

}  // namespace baton::engine
