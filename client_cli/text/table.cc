#include "client_cli/text/table.h"

#include <algorithm>

namespace baton::cli {
namespace {

constexpr size_t kGap = 2;
// A last column is never cut below this, however narrow the terminal.
constexpr size_t kMinLastWidth = 20;

}  // namespace

Table::Table(std::ostream& out, std::vector<std::string> header, TableStyle style)
    : out_(out), style_(style), widths_(header.size()) {
  std::vector<Cell> row;
  for (std::string& name : header) row.emplace_back(std::move(name), Color::kBold);
  AddRow(std::move(row));
}

void Table::AddRow(std::vector<Cell> row) {
  for (size_t i = 0; i < row.size(); ++i) {
    row[i].text = row[i].text.empty() ? "-" : Printable(row[i].text);
    widths_[i] = std::max(widths_[i], DisplayWidth(row[i].text));
  }
  rows_.push_back(std::move(row));
}

void Table::Flush() {
  for (const auto& row : rows_) PrintRow(row);
  rows_.clear();
  out_.flush();
}

void Table::PrintRow(const std::vector<Cell>& row) {
  size_t used = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    std::string text = row[i].text;
    bool last = i + 1 == row.size();
    if (last && style_.terminal_width > 0) {
      text = Shorten(text, std::max(kMinLastWidth, style_.terminal_width - std::min(used, style_.terminal_width)));
    }
    out_ << (style_.color ? Paint(text, row[i].color) : text);
    if (!last) out_ << std::string(widths_[i] - DisplayWidth(text) + kGap, ' ');
    used += widths_[i] + kGap;
  }
  out_ << '\n';
}

void DetailList::Add(std::string label, Cell value) {
  value.text = Printable(value.text);
  if (!value.text.empty()) lines_.emplace_back(std::move(label), std::move(value));
}

void DetailList::Print() {
  size_t width = 0;
  for (const auto& [label, value] : lines_) width = std::max(width, DisplayWidth(label));
  for (const auto& [label, value] : lines_) {
    std::string padding(width - DisplayWidth(label) + kGap, ' ');
    out_ << (style_.color ? Paint(label, Color::kDim) : label) << padding
         << (style_.color ? Paint(value.text, value.color) : value.text) << '\n';
  }
  lines_.clear();
}

}  // namespace baton::cli
