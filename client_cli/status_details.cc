#include "client_cli/status_details.h"

#include <cstdint>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace baton::cli {
namespace {

constexpr char kReasonUrl[] = "baton.v1/reason";
constexpr char kRetryAfterUrl[] = "baton.v1/retry_after_us";

std::string PayloadText(const absl::Status& status, const char* url) {
  auto payload = status.GetPayload(url);
  return payload.has_value() ? std::string(*payload) : std::string();
}

}  // namespace

absl::Status MakeStatus(absl::StatusCode code, absl::string_view message, absl::string_view reason,
                        absl::Duration retry_after) {
  absl::Status status(code, message);
  if (!reason.empty()) status.SetPayload(kReasonUrl, absl::Cord(reason));
  if (retry_after > absl::ZeroDuration()) {
    status.SetPayload(kRetryAfterUrl, absl::Cord(absl::StrCat(absl::ToInt64Microseconds(retry_after))));
  }
  return status;
}

absl::Status StatusFromError(const v1::Error& error) {
  return MakeStatus(static_cast<absl::StatusCode>(error.code()), error.message(), error.reason(),
                    absl::Microseconds(error.retry_after_us()));
}

absl::Status StatusFromDetails(int code, absl::string_view message, absl::string_view details) {
  v1::Status body;
  std::string reason;
  int64_t retry_after_us = 0;
  if (body.ParseFromArray(details.data(), static_cast<int>(details.size()))) {
    for (const auto& detail : body.details()) {
      v1::ErrorInfo info;
      if (!absl::EndsWith(detail.type_url(), "ErrorInfo") || !info.ParseFromString(detail.value())) continue;
      reason = info.reason();
      auto advice = info.metadata().find("retry_after_us");
      if (advice != info.metadata().end() && !absl::SimpleAtoi(advice->second, &retry_after_us)) retry_after_us = 0;
    }
  }
  return MakeStatus(static_cast<absl::StatusCode>(code), message, reason, absl::Microseconds(retry_after_us));
}

std::string ReasonOf(const absl::Status& status) { return PayloadText(status, kReasonUrl); }

absl::Duration RetryAfterOf(const absl::Status& status) {
  int64_t microseconds = 0;
  if (!absl::SimpleAtoi(PayloadText(status, kRetryAfterUrl), &microseconds)) return absl::ZeroDuration();
  return absl::Microseconds(microseconds);
}

}  // namespace baton::cli
