#include "tests/process/kill_loop/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace baton::kill_loop {

LedgerWriter::LedgerWriter(const std::string& path)
    : descriptor_(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644)) {
  if (descriptor_ >= 0) return;
  std::perror(path.c_str());
  std::exit(1);
}

LedgerWriter::~LedgerWriter() { close(descriptor_); }

void LedgerWriter::Write(const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  // One call: lines of several threads do not mix.
  const std::string text = absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
  if (write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
  std::perror("ledger");
  std::abort();
}

absl::StatusOr<std::vector<LedgerLine>> ReadLedger(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("no ledger ", path));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<LedgerLine> lines;
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    lines.push_back(absl::StrSplit(text.substr(begin, end - begin), ' '));
  }
  return lines;
}

}  // namespace baton::kill_loop
