// Text that is safe to print on a terminal, and its colours.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "baton/v1/task.pb.h"

namespace baton::cli {

enum class Color { kNone, kRed, kGreen, kYellow, kCyan, kDim, kBold };

// Control characters, which could steer the terminal, become \n, \t or \xNN, and so do those that turn the direction of
// text, and what is not UTF-8. The result is one line.
std::string Printable(absl::string_view text);

// The same for text of several lines: newlines and tabs stay.
std::string PrintableLines(absl::string_view text);

// How many columns `text` (valid UTF-8) takes, counting one for each code point.
size_t DisplayWidth(absl::string_view text);

// `text` cut to `width` columns, with "…" as the last one where something was cut. `width` 0: not cut.
std::string Shorten(absl::string_view text, size_t width);

// `text` in lines of at most `width` columns, which is not 0, broken at blanks where there are some. At most `lines`,
// the last one cut as by Shorten.
std::vector<std::string> Wrap(absl::string_view text, size_t width, size_t lines);

// `text` in a colour, by the ANSI sequences.
std::string Paint(absl::string_view text, Color color);

Color StateColor(v1::TaskState state);

}  // namespace baton::cli
