#include "worker_sdk/examples/count_words/corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace count_words {
namespace {

namespace fs = std::filesystem;

// Regular files by name: a path given twice counts once.
absl::Status ListFiles(const std::string& path, std::set<std::string>* files) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (fs::is_regular_file(status)) {
    files->insert(path);
    return absl::OkStatus();
  }
  if (!fs::is_directory(status)) {
    return absl::NotFoundError(absl::StrCat("'", path, "' is neither a regular file nor a folder"));
  }
  const auto options = fs::directory_options::skip_permission_denied;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path, options, error)) {
    if (fs::is_regular_file(entry.symlink_status(error))) files->insert(entry.path().string());
  }
  return absl::OkStatus();
}

bool IsLetter(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }

}  // namespace

absl::StatusOr<Corpus> CutCorpus(const std::vector<std::string>& paths, uint64_t chunk_bytes) {
  std::set<std::string> files;
  for (const std::string& path : paths) {
    const absl::Status listed = ListFiles(path, &files);
    if (!listed.ok()) return listed;
  }
  Corpus corpus;
  uint64_t room = 0;
  for (const std::string& path : files) {
    std::error_code error;
    const uint64_t size = fs::file_size(path, error);
    if (error) return absl::NotFoundError(absl::StrCat("'", path, "': ", error.message()));
    ++corpus.files;
    corpus.bytes += size;
    for (uint64_t offset = 0; offset < size;) {
      if (room == 0) {
        corpus.chunks.emplace_back();
        room = chunk_bytes;
      }
      const uint64_t bytes = std::min(room, size - offset);
      corpus.chunks.back().push_back({path, offset, bytes});
      offset += bytes;
      room -= bytes;
    }
  }
  return corpus;
}

absl::Status CountWords(const Segment& segment, Counts* counts) {
  std::ifstream file(segment.path, std::ios::binary);
  // The byte before tells whether a word that is under way began in the segment before.
  const bool at_start = segment.offset == 0;
  file.seekg(static_cast<std::streamoff>(at_start ? 0 : segment.offset - 1));
  bool inside_foreign_word = false;
  if (!at_start) inside_foreign_word = IsLetter(static_cast<char>(file.get()));
  std::string word;
  uint64_t position = segment.offset;
  const uint64_t end = segment.offset + segment.bytes;
  for (char c; (position < end || !word.empty()) && file.get(c); ++position) {
    if (!IsLetter(c)) {
      if (!word.empty()) ++(*counts)[word];
      word.clear();
      inside_foreign_word = false;
    } else if (!inside_foreign_word) {
      word += c;
    }
  }
  if (!word.empty()) ++(*counts)[word];
  if (position < end) {
    return absl::UnavailableError(absl::StrCat("'", segment.path, "' cannot be read up to byte ", end));
  }
  return absl::OkStatus();
}

std::vector<std::pair<std::string, uint64_t>> MostFrequent(const Counts& counts, size_t top) {
  std::vector<std::pair<std::string, uint64_t>> words(counts.begin(), counts.end());
  const auto before = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  const size_t shown = std::min(top, words.size());
  std::partial_sort(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(shown), words.end(), before);
  words.resize(shown);
  return words;
}

}  // namespace count_words
