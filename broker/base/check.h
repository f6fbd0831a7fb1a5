// Invariants of the program itself: broken, the process stops loudly, in release builds too.
#ifndef BATON_BROKER_BASE_CHECK_H_
#define BATON_BROKER_BASE_CHECK_H_

#include <string>

namespace baton {

// Prints where and what to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const std::string& message);

}  // namespace baton

// `message` is evaluated only when the condition is false.
#define BATON_CHECK(condition, message)                                \
  do {                                                                 \
    if (!(condition)) [[unlikely]]                                     \
      ::baton::CheckFailed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)

#endif  // BATON_BROKER_BASE_CHECK_H_
