// An input of a fuzzer, taken apart into numbers, choices and texts. Whatever the bytes are, everything asked for is
// given: at the end of the input it is 0, the first choice, or empty. What comes early in the input is what is asked
// for early, so that a fuzzer that changes bytes changes single decisions.
#ifndef BATON_TESTS_FUZZ_INPUT_H_
#define BATON_TESTS_FUZZ_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// What libFuzzer calls with each input, and replay.cc with each file of a corpus. Aborts if a promise is broken.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace baton::fuzz {

class Input {
 public:
  // The bytes must outlive it.
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte();
  // With an even chance for each number of bytes, and for the numbers at which arithmetic breaks.
  uint64_t Number();
  int64_t Signed() { return static_cast<int64_t>(Number()); }
  // 0 … `limit` - 1; `limit` is at most 65,536.
  size_t Below(size_t limit);
  bool Chance(uint8_t of_256) { return Byte() < of_256; }
  // At most `limit` of the next bytes; how many, the first of them tells.
  absl::string_view Bytes(size_t limit);
  // All that is left.
  absl::string_view Rest();

 private:
  absl::string_view rest_;
};

// The same bytes with every one that no text has replaced: what remains is one line of ASCII.
std::string Plain(absl::string_view bytes);

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_INPUT_H_
