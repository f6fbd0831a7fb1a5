// Cutting a text corpus into chunks, and counting the words of one.
#ifndef BATON_EXAMPLES_COUNT_WORDS_CORPUS_H_
#define BATON_EXAMPLES_COUNT_WORDS_CORPUS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace count_words {

// A part of a file. A word belongs to the segment in which its first letter lies.
struct Segment {
  std::string path;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};
using Chunk = std::vector<Segment>;

struct Corpus {
  uint64_t files = 0;
  uint64_t bytes = 0;
  std::vector<Chunk> chunks;
};

// Lists the regular files among `paths` and, recursively, in the folders among them (symbolic links are not followed),
// in order of their names, and cuts them into chunks of about `chunk_bytes`. Errors: NOT_FOUND naming the path.
absl::StatusOr<Corpus> CutCorpus(const std::vector<std::string>& paths, uint64_t chunk_bytes);

using Counts = std::map<std::string, uint64_t>;

// Adds the words ([A-Za-z]+, in the C locale) of a segment. Errors: UNAVAILABLE naming the file that cannot be read.
absl::Status CountWords(const Segment& segment, Counts* counts);

// The `top` most frequent words, ties in order of the alphabet.
std::vector<std::pair<std::string, uint64_t>> MostFrequent(const Counts& counts, size_t top);

}  // namespace count_words

#endif  // BATON_EXAMPLES_COUNT_WORDS_CORPUS_H_
