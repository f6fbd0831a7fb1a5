#include "client_cli/text/rate_text.h"

#include "absl/strings/str_format.h"

namespace baton::cli {

std::string RateText(double per_second) {
  if (per_second <= 0) return "";
  if (per_second < 0.01) return "<0.01";
  return absl::StrFormat("%.*f", per_second < 1 ? 2 : per_second < 100 ? 1 : 0, per_second);
}

}  // namespace baton::cli
