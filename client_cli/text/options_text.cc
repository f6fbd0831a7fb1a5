#include "client_cli/text/options_text.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/enum_text.h"

namespace baton::cli {
namespace {

std::vector<std::string> OptionParts(const v1::TaskOptions& options) {
  std::vector<std::string> parts;
  if (options.has_timeout_us()) parts.push_back(absl::StrCat("timeout ", FormatDuration(options.timeout_us())));
  if (options.has_max_retries()) parts.push_back(absl::StrCat("attempts ", options.max_retries()));
  if (options.has_retry_interval_us()) {
    parts.push_back(absl::StrCat("retry after ", FormatDuration(options.retry_interval_us())));
  }
  if (options.has_retry_backoff()) {
    parts.push_back(absl::StrCat("backoff ", absl::AsciiStrToLower(EnumText(options.retry_backoff()))));
  }
  if (options.has_retry_interval_cap_us()) {
    parts.push_back(absl::StrCat("cap ", FormatDuration(options.retry_interval_cap_us())));
  }
  if (options.has_progress_timeout_us()) {
    parts.push_back(absl::StrCat("progress within ", FormatDuration(options.progress_timeout_us())));
  }
  if (options.has_retry_jitter()) parts.push_back(absl::StrCat("jitter ", options.retry_jitter()));
  return parts;
}

}  // namespace

std::string OptionsText(const v1::TaskOptions& options) { return absl::StrJoin(OptionParts(options), ", "); }

std::string AllOptionsText(const v1::TaskOptions& options) {
  std::vector<std::string> parts = OptionParts(options);
  if (options.has_priority()) parts.push_back(absl::StrCat("priority ", options.priority()));
  if (options.has_required_capabilities()) {
    const auto& names = options.required_capabilities().names();
    parts.push_back(absl::StrCat("requires ", names.empty() ? "nothing" : absl::StrJoin(names, "+")));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace baton::cli
