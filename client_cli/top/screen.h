// What `baton top` shows, as text.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client_cli/top/model.h"
#include "client_cli/top/terminal.h"

namespace baton::cli::top {

struct ScreenStyle {
  Size size;
  bool color = false;
  absl::TimeZone time_zone;
};

// The lines of a screen of this size, none longer, with colours as ANSI sequences. No other control character is
// among them, whatever the broker sent.
std::vector<std::string> RenderScreen(const Model& model, const ScreenStyle& style, absl::Time now);

// What failed and why, on one line: without the advice for commands that have ended.
std::string ShortError(const absl::Status& status, absl::string_view address);

}  // namespace baton::cli::top
