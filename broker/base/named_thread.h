#ifndef BATON_BROKER_BASE_NAMED_THREAD_H_
#define BATON_BROKER_BASE_NAMED_THREAD_H_

#include <pthread.h>

#include <cstddef>
#include <thread>
#include <utility>

namespace baton {

// Starts a thread that `top -H`, debuggers and profiles show as `name`. The kernel keeps 15 characters.
template <size_t kSize, typename Run>
std::thread NamedThread(const char (&name)[kSize], Run run) {
  static_assert(kSize <= 16);
  return std::thread([&name, run = std::move(run)]() mutable {
    pthread_setname_np(pthread_self(), name);
    run();
  });
}

}  // namespace baton

#endif  // BATON_BROKER_BASE_NAMED_THREAD_H_
