#include "broker/engine/dispatcher.h"

#include <algorithm>

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
  const uint32_t profile = ProfileOf(info);
  Worker& worker = workers_[session];
  if (worker.profile != profile || worker.live != counts_as_live || worker.slots == 0) {
    SetHungry(session, worker, false);
    if (worker.live) --profiles_[worker.profile].live_workers;
    worker.profile = profile;
    worker.live = counts_as_live;
    if (worker.live) ++profiles_[profile].live_workers;
  }
}

void Dispatcher::SetSlots(SessionNumber session, uint32_t taken, uint32_t slots, bool accepting) {
  Worker& worker = workers_[session];
  SetHungry(session, worker, false);
  worker.taken = taken;
  worker.slots = slots;
  if (!accepting || taken >= slots) return;
  worker.load = LoadOf(taken, slots);
  SetHungry(session, worker, true);
}

void Dispatcher::RemoveWorker(SessionNumber session) {
  const auto it = workers_.find(session);
  if (it == workers_.end()) return;
  SetHungry(session, it->second, false);
  if (it->second.live) --profiles_[it->second.profile].live_workers;
  workers_.erase(it);
}

void Dispatcher::SetHungry(SessionNumber session, Worker& worker, bool hungry) {
  if (worker.hungry == hungry) return;
  worker.hungry = hungry;
  Profile& profile = profiles_[worker.profile];
  if (hungry) {
    if (profile.hungry.empty() && hungry_profiles_.insert(worker.profile).second)
      stale_profiles_.insert(worker.profile);
    profile.hungry.insert({worker.load, session});
  } else {
    profile.hungry.erase({worker.load, session});
  }
}

uint32_t Dispatcher::ProfileOf(const WorkerInfo& worker) {
  Routing::Group group;
  group.capabilities = worker.capabilities;
  for (const HandlerInfo& handler : worker.handlers) {
    group.handlers[handler.type] = handler.options.required_capabilities.value_or(Capabilities());
  }
  const auto [it, added] = profile_numbers_.try_emplace(ProfileKey(group), static_cast<uint32_t>(profiles_.size()));
  if (!added) return it->second;
  LearnClasses();
  profiles_.emplace_back();
  Profile& profile = profiles_.back();
  profile.group = std::move(group);
  for (ClassNumber number = 1; number < classes_.size(); ++number) {
    if (!IsEligible(profile, catalog_->Class(number))) continue;
    profile.eligible.push_back(number);
    classes_[number].profiles.push_back(it->second);
  }
  return it->second;
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
    classes_[number].paused = paused_types_.contains(catalog_->Class(number).type);
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
    if (hungry_profiles_.contains(number)) profiles_[number].heads.push({OrderKey{INT32_MIN, 0, 0}, class_number});
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

const Dispatcher::Head* Dispatcher::TopOf(Profile& profile, ReadyOrder& order) {
  while (!profile.heads.empty()) {
    const Head& top = profile.heads.top();
    const ReadyOrder::Queue& queue = order.QueueAt(top.class_number);
    if (queue.empty() || classes_[top.class_number].held || classes_[top.class_number].paused) {
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

bool Dispatcher::Runnable(ClassNumber class_number) {
  for (const uint32_t number : ClassAt(class_number).profiles) {
    if (profiles_[number].live_workers > 0) return true;
  }
  return false;
}

std::shared_ptr<const Routing> Dispatcher::MakeRouting() const {
  auto routing = std::make_shared<Routing>();
  std::vector<Routing::Group> groups(profiles_.size());
  for (const auto& [session, worker] : workers_) {
    if (!worker.live) continue;
    Routing::Group& group = groups[worker.profile];
    ++group.workers;
    group.slots += worker.slots;
    group.slots_taken += worker.taken;
    ++routing->workers;
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].workers == 0) continue;
    groups[i].capabilities = profiles_[i].group.capabilities;
    groups[i].handlers = profiles_[i].group.handlers;
    routing->groups.push_back(std::move(groups[i]));
  }
  return routing;
}

}  // namespace baton::engine
