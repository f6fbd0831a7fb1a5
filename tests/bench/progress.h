#ifndef BATON_TESTS_BENCH_PROGRESS_H_
#define BATON_TESTS_BENCH_PROGRESS_H_

#include <cstdint>
#include <string>

namespace baton::bench {

// Says on the error output how far a run is: on a terminal in one line that changes, otherwise now and then in a line
// of its own.
class Progress {
 public:
  Progress();
  // Ends the line.
  ~Progress();

  // Shown if the last text is old enough.
  void Show(const std::string& text);

 private:
  const bool is_terminal_;
  int64_t shown_at_ = 0;
};

}  // namespace baton::bench

#endif  // BATON_TESTS_BENCH_PROGRESS_H_
