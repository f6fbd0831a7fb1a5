#ifndef BATON_BROKER_SERVICE_TYPE_PREFIXES_H_
#define BATON_BROKER_SERVICE_TYPE_PREFIXES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "broker/base/error.h"
#include "broker/service/field.h"

namespace baton::service {

// The task types that a caller may have to do with: those that begin with one of the prefixes; without any, all.
class TypePrefixes {
 public:
  TypePrefixes() = default;
  explicit TypePrefixes(std::vector<std::string> prefixes) : prefixes_(std::move(prefixes)) {}

  const std::vector<std::string>& prefixes() const { return prefixes_; }
  bool limited() const { return !prefixes_.empty(); }

  bool Allow(absl::string_view type) const {
    if (prefixes_.empty()) return true;
    for (const std::string& prefix : prefixes_) {
      if (absl::StartsWith(type, prefix)) return true;
    }
    return false;
  }

  // PERMISSION_DENIED/TYPE_NOT_ALLOWED naming the field that has this type.
  Error Check(const Field& field, absl::string_view type) const {
    return Allow(type) ? Error{} : Refusal(absl::StrCat(field.Path(), " is '", type, "'"));
  }

  // The same for any other cause: "task 7 is of type 'mail'".
  Error Refusal(absl::string_view why) const {
    return {absl::StatusCode::kPermissionDenied, "TYPE_NOT_ALLOWED",
            absl::StrCat(why, ", but the access token is limited to types that begin with ",
                         absl::StrJoin(prefixes_, " or ",
                                       [](std::string* out, const std::string& prefix) {
                                         absl::StrAppend(out, "'", prefix, "'");
                                       }),
                         ": use one without this limit")};
  }

 private:
  std::vector<std::string> prefixes_;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_TYPE_PREFIXES_H_
