#ifndef BATON_BROKER_SERVER_ACCESS_ROLE_H_
#define BATON_BROKER_SERVER_ACCESS_ROLE_H_

#include <array>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace baton::server {

// What the holder of an access token is to the broker; rights_table.cc has what each may call.
enum class Role : uint8_t { kSubmit, kWork, kObserve, kOperate };

inline constexpr std::array<const char*, 4> kRoleNames = {"submit", "work", "observe", "operate"};

inline const char* NameOf(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

inline std::optional<Role> RoleNamed(absl::string_view name) {
  for (size_t i = 0; i < kRoleNames.size(); ++i) {
    if (name == kRoleNames[i]) return static_cast<Role>(i);
  }
  return std::nullopt;
}

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_ACCESS_ROLE_H_
