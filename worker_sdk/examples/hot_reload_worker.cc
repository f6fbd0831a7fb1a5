// Hot reload: each SIGHUP replaces the handler of `greet` while the worker runs, with the greeting that the file
// GREETING_FILE holds then. Attempts that run keep the handler that they started with; every later one, a suspended
// task that goes on included, gets the newest.
#include <baton/worker.h>
#include <pthread.h>
#include <csignal>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace {

std::string ReadGreeting(const char* path) {
  std::string greeting;
  if (path != nullptr) {
    std::ifstream file(path);
    std::getline(file, greeting);
  }
  return greeting.empty() ? "Hello" : greeting;
}

absl::Status UseGreeting(baton::Worker& worker, const std::string& greeting) {
  return worker.Use("greet", [greeting](baton::Task& task) -> baton::Outcome {
    // Waits until somebody says so, to show what happens to a task that is suspended over a reload.
    if (task.stage() == 0 && task.payload().bytes() == "later") return task.Suspend("a good moment");
    return greeting + ", " + task.payload().bytes() + "!";
  });
}

}  // namespace

int main() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // gRPC's locks cost a quarter without it
  // Blocked in every thread, so that sigwait below is the one to get it.
  sigset_t reload;
  sigemptyset(&reload);
  sigaddset(&reload, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &reload, nullptr);

  const char* path = std::getenv("GREETING_FILE");
  baton::Worker worker;
  if (!UseGreeting(worker, ReadGreeting(path)).ok()) return 2;
  std::atomic<bool> over = false;
  std::thread reloading([&worker, &over, path, reload] {
    int number = 0;
    while (sigwait(&reload, &number) == 0 && !over) {
      const std::string greeting = ReadGreeting(path);
      if (UseGreeting(worker, greeting).ok()) std::cout << "now greeting with " << greeting << std::endl;
    }
  });
  worker.ShutdownOnSignals();
  const absl::Status status = worker.Run();
  over = true;
  pthread_kill(reloading.native_handle(), SIGHUP);
  reloading.join();
  if (!status.ok()) baton::LogToStderr(baton::LogLevel::kError, status.ToString());
  return status.ok() ? 0 : 1;
}
