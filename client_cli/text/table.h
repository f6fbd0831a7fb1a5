// Columns of text, aligned.
#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "client_cli/text/style.h"

namespace baton::cli {

struct Cell {
  // NOLINTNEXTLINE: rows are lists of texts, some of which have a colour
  Cell(std::string cell_text, Color cell_color = Color::kNone) : text(std::move(cell_text)), color(cell_color) {}
  Cell(const char* cell_text) : text(cell_text) {}  // NOLINT: the same

  std::string text;
  Color color = Color::kNone;
};

struct TableStyle {
  bool color = false;
  // Columns of the terminal, to which the last cell of a row is cut; 0: no limit.
  size_t terminal_width = 0;
};

// Prints rows page by page: Flush() prints what was added since the last one, each column at least as wide as before.
// The header comes with the first page. Cells are made safe to print.
class Table {
 public:
  // `out` must outlive the table.
  Table(std::ostream& out, std::vector<std::string> header, TableStyle style);

  // As many cells as the header has.
  void AddRow(std::vector<Cell> row);
  void Flush();

 private:
  void PrintRow(const std::vector<Cell>& row);

  std::ostream& out_;
  const TableStyle style_;
  std::vector<size_t> widths_;
  std::vector<std::vector<Cell>> rows_;
};

// Prints "label  value" lines with the values aligned; empty values are left out.
class DetailList {
 public:
  DetailList(std::ostream& out, TableStyle style) : out_(out), style_(style) {}

  void Add(std::string label, Cell value);
  void Print();

 private:
  std::ostream& out_;
  const TableStyle style_;
  std::vector<std::pair<std::string, Cell>> lines_;
};

}  // namespace baton::cli
