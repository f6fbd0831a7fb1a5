#include "broker/engine/routing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace baton::engine {

bool Covers(const Capabilities& have, const Capabilities& need) {
  return std::includes(have.begin(), have.end(), need.begin(), need.end());
}

bool Routing::Runnable(const ClassInfo& info) const {
  for (const Group& group : groups) {
    const auto handler = group.handlers.find(info.type);
    if (handler == group.handlers.end()) continue;
    if (Covers(group.capabilities, handler->second) && Covers(group.capabilities, info.required_capabilities)) {
      return true;
    }
  }
  return false;
}

std::string Routing::WhyNot(const ClassInfo& info) const {
  if (Runnable(info)) return "";
  constexpr char kNobody[] = "no live worker can run it: ";
  if (workers == 0 && draining == 1) return absl::StrCat(kNobody, "the only connected worker is draining");
  if (workers == 0 && draining > 0) return absl::StrCat(kNobody, "all ", draining, " connected workers are draining");
  if (workers == 0) return absl::StrCat(kNobody, "no worker is connected");
  bool handled = false;
  for (const Group& group : groups) handled = handled || group.handlers.contains(info.type);
  if (!handled) return absl::StrCat(kNobody, "none has a handler for '", info.type, "'");
  for (const std::string& name : info.required_capabilities) {
    const bool declared = std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
      return group.handlers.contains(info.type) && Covers(group.capabilities, {name});
    });
    if (!declared) {
      return absl::StrCat(kNobody, "none with a handler for '", info.type, "' declares the capability ", name);
    }
  }
  if (!info.required_capabilities.empty()) {
    return absl::StrCat(kNobody, "none with a handler for '", info.type, "' declares all of ",
                        absl::StrJoin(info.required_capabilities, ", "));
  }
  return absl::StrCat(kNobody, "those with a handler for '", info.type,
                      "' lack a capability which that handler requires");
}

std::string Routing::WhyLimited(const std::string& type) const {
  const auto limit = limits.find(type);
  if (limit == limits.end() || limit->second.running < limit->second.max_running) return "";
  return absl::StrCat("waits for the limit of type '", type, "': ", limit->second.running, " of ",
                      limit->second.max_running, " are running");
}

}  // namespace baton::engine
