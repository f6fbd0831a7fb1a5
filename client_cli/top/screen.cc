#include "client_cli/top/screen.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client_cli/error_text.h"
#include "client_cli/text/duration_text.h"
#include "client_cli/text/proto_time.h"
#include "client_cli/text/rate_text.h"
#include "client_cli/text/style.h"
#include "client_cli/top/view_rows.h"

namespace baton::cli::top {
namespace {

constexpr size_t kGap = 2;
// The keys at the bottom.
constexpr size_t kKeyLines = 1;
constexpr size_t kMostWrapped = 4;
constexpr char kKeyLine[] = "t types  w workers  f failures  o oldest  s sort  Enter open  p pause  ? keys  q quit";

constexpr const char* kHelp[] = {
    "t, o        types; o: those that wait longest first",
    "w           workers, and the tasks that they hold",
    "f           newest failures",
    "s           sort types by attention, name, rate, failures",
    "up, down    select a row; also k, j, page up, page down, Home and g, End and G",
    "Enter       the tasks of a type or worker; what a task waits for, or its events",
    "Esc         back; also backspace",
    "p           pause the selected type, or let it go on; asks for p again",
    "q           quit; also Ctrl-C",
    "",
    "Rates are tasks per second, QUEUED and RAN the times of half of the attempts/of 99 in 100,",
    "over the last minute. Unservable: no live worker can run it. SUSP: suspended, these wait for",
    "children or a decision.",
    "",
    "Any key closes this.",
};

using Line = std::vector<Cell>;

// The line as the terminal gets it: safe to print, cut, painted.
std::string Compose(const Line& line, const ScreenStyle& style, bool selected) {
  std::string text;
  size_t used = 0;
  for (const Cell& cell : line) {
    if (used >= style.size.width) break;
    const std::string shown = Shorten(Printable(cell.text), style.size.width - used);
    used += DisplayWidth(shown);
    text += style.color && !selected ? Paint(shown, cell.color) : shown;
  }
  if (!selected || !style.color) return text;
  return absl::StrCat("\x1b[7m", text, std::string(style.size.width - used, ' '), "\x1b[0m");
}

void AddPart(Line& line, absl::string_view label, Cell value) {
  line.emplace_back(absl::StrCat(line.empty() ? "" : "  ", label, " "), Color::kDim);
  line.push_back(value.text.empty() ? Cell("0") : std::move(value));
}

Line TopLine(const Model& model, const ScreenStyle& style, absl::Time now) {
  const std::string version = model.known().info.has_value() ? model.known().info->version() : "?";
  return {{"baton top ", Color::kDim},
          {model.address(), Color::kBold},
          {absl::StrCat("  batond ", version, "  "), Color::kDim},
          {absl::FormatTime("%Y-%m-%d %H:%M:%S", now, style.time_zone)}};
}

Line CountLine(const v1::GetStatisticsResponse& statistics) {
  Line line;
  const v1::StateCounts& counts = statistics.counts();
  AddPart(line, "workers", absl::StrCat(statistics.workers()));
  AddPart(line, "slots", absl::StrCat(statistics.slots_taken(), " of ", statistics.slots()));
  // Early, where a narrow terminal shows it, too.
  if (statistics.unservable() > 0) AddPart(line, "unservable", {absl::StrCat(statistics.unservable()), Color::kYellow});
  AddPart(line, "pending", absl::StrCat(counts.pending()));
  AddPart(line, "running", {absl::StrCat(counts.running()), Color::kCyan});
  AddPart(line, "suspended", absl::StrCat(counts.suspended()));
  if (statistics.due() > 0) {
    AddPart(line, "oldest waiting", {FormatRoughDuration(ToMicroseconds(statistics.oldest_due()))});
  }
  return line;
}

Line RateLine(const v1::Activity& activity) {
  Line line = {{"per second:", Color::kDim}};
  AddPart(line, "created", RateText(activity.created_per_second()));
  AddPart(line, "started", RateText(activity.started_per_second()));
  AddPart(line, "completed", RateText(activity.completed_per_second()));
  AddPart(line, "failed", {RateText(activity.failed_per_second()), Color::kRed});
  AddPart(line, "retried", {RateText(activity.retried_per_second()), Color::kYellow});
  return line;
}

Line ErrorLine(const Model& model, absl::Time now) {
  if (model.error().ok()) return {};
  const std::string age = FormatRoughDuration(absl::ToInt64Microseconds(now - model.error_since()));
  return {{absl::StrCat(ShortError(model.error(), model.address()), " (for ", age, ", trying again)"), Color::kRed}};
}

std::vector<size_t> ColumnWidths(const ViewRows& view, size_t screen_width) {
  std::vector<size_t> widths;
  for (const std::string& name : view.header) widths.push_back(DisplayWidth(name));
  for (const std::vector<Cell>& row : view.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(Printable(row[i].text)));
  }
  // A long name must not push everything else off the screen.
  for (size_t& width : widths) width = std::min(width, std::max<size_t>(screen_width / 3, 12));
  return widths;
}

Line TableLine(const std::vector<Cell>& row, const std::vector<size_t>& widths, bool selected) {
  Line line = {{selected ? "> " : "  "}};
  for (size_t i = 0; i < row.size(); ++i) {
    const std::string text = row[i].text.empty() ? "-" : Printable(row[i].text);
    const bool last = i + 1 == row.size();
    const std::string shown = last ? text : Shorten(text, widths[i]);
    line.emplace_back(shown, row[i].text.empty() ? Color::kDim : row[i].color);
    if (!last) line.emplace_back(std::string(widths[i] - DisplayWidth(shown) + kGap, ' '));
  }
  return line;
}

// Labels, and what they say on as many lines as it takes, kMostWrapped at most.
void AddDetails(const Details& details, const ScreenStyle& style, std::vector<std::string>& lines) {
  size_t label_width = 0;
  for (const auto& [label, value] : details) label_width = std::max(label_width, label.size());
  const size_t begin = kGap + label_width + kGap;
  const size_t room = style.size.width > begin ? style.size.width - begin : 1;
  for (const auto& [label, value] : details) {
    std::string before = absl::StrCat("  ", label, std::string(begin - kGap - label.size(), ' '));
    for (const std::string& part : Wrap(Printable(value.text), room, kMostWrapped)) {
      lines.push_back(Compose({{before, Color::kDim}, {part, value.color}}, style, false));
      before.assign(begin, ' ');
    }
  }
}

// The page of the rows that has the selected one.
void AddRows(const Model& model, const ViewRows& view, const ScreenStyle& style, std::vector<std::string>& lines) {
  if (view.header.empty() && !view.details.empty()) return;
  const std::vector<size_t> widths = ColumnWidths(view, style.size.width);
  std::vector<Cell> header;
  for (const std::string& name : view.header) header.emplace_back(name, Color::kBold);
  if (!view.details.empty()) lines.emplace_back();
  if (!header.empty()) lines.push_back(Compose(TableLine(header, widths, false), style, false));
  if (view.rows.empty()) {
    const bool waits = view.empty_note.empty() && model.error().ok();
    lines.push_back(Compose({{waits ? "  ..." : absl::StrCat("  ", view.empty_note)}}, style, false));
    return;
  }
  const size_t used = lines.size() + kKeyLines;
  const size_t room = style.size.height > used ? style.size.height - used : 1;
  const size_t selected = model.selected();
  const size_t begin = selected / room * room;
  for (size_t row = begin; row < std::min(begin + room, view.rows.size()); ++row) {
    lines.push_back(Compose(TableLine(view.rows[row], widths, row == selected), style, row == selected));
  }
}

}  // namespace

std::vector<std::string> RenderScreen(const Model& model, const ScreenStyle& style, absl::Time now) {
  std::vector<std::string> lines;
  auto add = [&](const Line& line) { lines.push_back(Compose(line, style, false)); };
  add(TopLine(model, style, now));
  const std::optional<v1::GetStatisticsResponse>& statistics = model.known().statistics;
  add(statistics.has_value() ? CountLine(*statistics) : Line{{"no answer yet", Color::kDim}});
  add(statistics.has_value() ? RateLine(statistics->activity()) : Line{});
  add(ErrorLine(model, now));
  if (model.shows_help()) {
    for (const char* line : kHelp) add({{line}});
  } else {
    const ViewRows view = RowsOfView(model, now, style.time_zone);
    add({{view.title, Color::kBold}});
    AddDetails(view.details, style, lines);
    AddRows(model, view, style, lines);
  }
  if (style.size.height == 0) return {};
  lines.resize(style.size.height - 1);
  const std::string notice = model.Notice(now);
  add({notice.empty() ? Cell(kKeyLine, Color::kDim) : Cell(notice, Color::kYellow)});
  return lines;
}

std::string ShortError(const absl::Status& status, absl::string_view address) {
  const std::string text = DescribeError(status, address);
  return text.substr(0, text.find('\n'));
}

}  // namespace baton::cli::top
