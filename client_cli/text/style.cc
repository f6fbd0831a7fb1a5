#include "client_cli/text/style.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace baton::cli {
namespace {

// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none.
size_t SequenceLength(absl::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto continuation = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  if (byte(0) < 0x80) return 1;
  if (byte(0) >= 0xC2 && byte(0) <= 0xDF && continuation(1)) return 2;
  if ((byte(0) & 0xF0) == 0xE0 && continuation(1) && continuation(2)) {
    bool overlong = byte(0) == 0xE0 && byte(1) < 0xA0;
    bool surrogate = byte(0) == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (byte(0) >= 0xF0 && byte(0) <= 0xF4 && continuation(1) && continuation(2) && continuation(3)) {
    bool overlong = byte(0) == 0xF0 && byte(1) < 0x90;
    bool beyond = byte(0) == 0xF4 && byte(1) > 0x8F;
    return overlong || beyond ? 0 : 4;
  }
  return 0;
}

// C0 and C1 controls and DEL; line and paragraph separators; what turns the direction of text, so that it reads as
// something else.
bool IsControl(absl::string_view sequence) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(sequence[i]); };
  if (sequence.size() == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (sequence.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  if (sequence.size() != 3 || byte(0) != 0xE2) return false;
  const bool separates_or_turns = byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE;  // U+2028 ... U+202E
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9;            // U+2066 ... U+2069
  return separates_or_turns || isolates;
}

// `lines`: newlines and tabs stay as they are.
std::string EscapeControls(absl::string_view text, bool lines) {
  std::string safe;
  while (!text.empty()) {
    size_t length = SequenceLength(text);
    absl::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    if (sequence == "\n" || sequence == "\t") {
      absl::StrAppend(&safe, lines ? sequence : sequence == "\n" ? "\\n" : "\\t");
    } else if (length == 0 || IsControl(sequence)) {
      for (char byte : sequence) absl::StrAppendFormat(&safe, "\\x%02x", static_cast<unsigned char>(byte));
    } else {
      absl::StrAppend(&safe, sequence);
    }
    text.remove_prefix(sequence.size());
  }
  return safe;
}

const char* ColorCode(Color color) {
  switch (color) {
    case Color::kRed:
      return "31";
    case Color::kGreen:
      return "32";
    case Color::kYellow:
      return "33";
    case Color::kCyan:
      return "36";
    case Color::kDim:
      return "2";
    case Color::kBold:
      return "1";
    case Color::kNone:
      break;
  }
  return "0";
}

}  // namespace

std::string Printable(absl::string_view text) { return EscapeControls(text, /*lines=*/false); }

std::string PrintableLines(absl::string_view text) { return EscapeControls(text, /*lines=*/true); }

size_t DisplayWidth(absl::string_view text) {
  size_t width = 0;
  for (char byte : text) width += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return width;
}

std::string Shorten(absl::string_view text, size_t width) {
  if (width == 0 || DisplayWidth(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t kept = 0; kept + 1 < width; ++kept) end += SequenceLength(text.substr(end));
  return absl::StrCat(text.substr(0, end), "…");
}

std::vector<std::string> Wrap(absl::string_view text, size_t width, size_t lines) {
  std::vector<std::string> wrapped;
  while (DisplayWidth(text) > width && wrapped.size() + 1 < lines) {
    size_t end = 0;
    for (size_t kept = 0; kept < width; ++kept) end += std::max<size_t>(1, SequenceLength(text.substr(end)));
    const size_t blank = text.substr(0, end + 1).rfind(' ');
    if (blank != absl::string_view::npos && blank > 0) end = blank;
    wrapped.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    if (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  }
  wrapped.push_back(Shorten(text, width));
  return wrapped;
}

std::string Paint(absl::string_view text, Color color) {
  if (color == Color::kNone || text.empty()) return std::string(text);
  return absl::StrCat("\x1b[", ColorCode(color), "m", text, "\x1b[0m");
}

Color StateColor(v1::TaskState state) {
  switch (state) {
    case v1::TASK_STATE_RUNNING:
      return Color::kCyan;
    case v1::TASK_STATE_COMPLETED:
      return Color::kGreen;
    case v1::TASK_STATE_PERMANENTLY_FAILED:
      return Color::kRed;
    case v1::TASK_STATE_SUSPENDED:
    case v1::TASK_STATE_PAUSED:
      return Color::kYellow;
    case v1::TASK_STATE_CANCELLED:
      return Color::kDim;
    default:
      return Color::kNone;
  }
}

}  // namespace baton::cli
