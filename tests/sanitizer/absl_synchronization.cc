// Teaches the thread sanitizer what Debian's Abseil does.
//
// That Abseil is not instrumented: the sanitizer does not see that absl::Mutex orders anything, and would report a race
// at every member that one protects. So the linker sends each call of our own code to the functions below (--wrap, see
// CMakeLists.txt), which tell the sanitizer about locking, unlocking and notifying and call the original.
//
// The names are those of Debian 12's Abseil. With another one the link fails for lack of a wrapped function, or
// absl_synchronization_test reports races; neither passes in silence.

#include <sanitizer/tsan_interface.h>

#include <cstdint>
#include <mutex>

#include "absl/status/status.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

using absl::BlockingCounter;
using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::Notification;
using absl::Status;
using absl::Time;

namespace {

constexpr unsigned kWrite = 0;
constexpr unsigned kRead = __tsan_mutex_read_lock;

// A member function takes `this` as its first argument, in the x86-64 and the AArch64 calling convention.
template <typename Call>
void Lock(Mutex* mutex, unsigned kind, Call call) {
  __tsan_mutex_pre_lock(mutex, kind);
  call();
  __tsan_mutex_post_lock(mutex, kind, 0);
}

template <typename Call>
bool TryLock(Mutex* mutex, unsigned kind, Call call) {
  __tsan_mutex_pre_lock(mutex, kind | __tsan_mutex_try_lock);
  const bool locked = call();
  __tsan_mutex_post_lock(mutex, kind | __tsan_mutex_try_lock | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);
  return locked;
}

template <typename Call>
void Unlock(Mutex* mutex, unsigned kind, Call call) {
  __tsan_mutex_pre_unlock(mutex, kind);
  call();
  __tsan_mutex_post_unlock(mutex, kind);
}

// A call that gives up the lock, waits, and has it again at its end. What it evaluates meanwhile (conditions, also
// those of other threads) runs with the real lock held and is not looked at.
template <typename Call>
auto WaitLocked(Mutex* mutex, Call call) {
  __tsan_mutex_pre_unlock(mutex, kWrite);
  __tsan_mutex_post_unlock(mutex, kWrite);
  __tsan_mutex_pre_lock(mutex, kWrite);
  struct Relock {
    Mutex* mutex;
    ~Relock() { __tsan_mutex_post_lock(mutex, kWrite, 0); }
  } relock{mutex};
  return call();
}

// HasBeenNotified() is inline and instrumented: it loads a flag that lies behind the mutex. Ordering is told by the
// address of that flag, so that the load takes part in it.
void* FlagOf(const Notification* notification) {
  return reinterpret_cast<char*>(const_cast<Notification*>(notification)) + sizeof(Mutex);
}

}  // namespace

// WRAP(mangled name, result, (parameters), (arguments)) body: `Real()` is the original.
#define WRAP(name, result, parameters, arguments, body)        \
  extern "C" result __real_##name parameters;                  \
  extern "C" result __wrap_##name parameters {                 \
    const auto Real = [&] { return __real_##name arguments; }; \
    body                                                       \
  }

WRAP(_ZN4absl7debian35MutexD1Ev, void, (Mutex * m), (m), {
  __tsan_mutex_destroy(m, 0);
  Real();
})
WRAP(_ZN4absl7debian35Mutex4LockEv, void, (Mutex * m), (m), { Lock(m, kWrite, Real); })
WRAP(_ZN4absl7debian35Mutex6UnlockEv, void, (Mutex * m), (m), { Unlock(m, kWrite, Real); })
WRAP(_ZN4absl7debian35Mutex7TryLockEv, bool, (Mutex * m), (m), { return TryLock(m, kWrite, Real); })
WRAP(_ZN4absl7debian35Mutex10ReaderLockEv, void, (Mutex * m), (m), { Lock(m, kRead, Real); })
WRAP(_ZN4absl7debian35Mutex12ReaderUnlockEv, void, (Mutex * m), (m), { Unlock(m, kRead, Real); })
WRAP(_ZN4absl7debian35Mutex13ReaderTryLockEv, bool, (Mutex * m), (m), { return TryLock(m, kRead, Real); })

WRAP(_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE, void, (Mutex * m, const Condition& c), (m, c),
     { Lock(m, kWrite, Real); })
WRAP(_ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE, bool,
     (Mutex * m, const Condition& c, Duration d), (m, c, d), {
       bool met = false;
       Lock(m, kWrite, [&] { met = Real(); });
       return met;
     })
WRAP(_ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE, bool,
     (Mutex * m, const Condition& c, Time t), (m, c, t), {
       bool met = false;
       Lock(m, kWrite, [&] { met = Real(); });
       return met;
     })
WRAP(_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE, void, (Mutex * m, const Condition& c), (m, c),
     { WaitLocked(m, Real); })
WRAP(_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE, bool,
     (Mutex * m, const Condition& c, Duration d), (m, c, d), { return WaitLocked(m, Real); })
WRAP(_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE, bool,
     (Mutex * m, const Condition& c, Time t), (m, c, t), { return WaitLocked(m, Real); })

WRAP(_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE, void, (CondVar * v, Mutex* m), (v, m), { WaitLocked(m, Real); })
WRAP(_ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE, bool, (CondVar * v, Mutex* m, Duration d),
     (v, m, d), { return WaitLocked(m, Real); })
WRAP(_ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE, bool, (CondVar * v, Mutex* m, Time t),
     (v, m, t), { return WaitLocked(m, Real); })

WRAP(_ZN4absl7debian312Notification6NotifyEv, void, (Notification * n), (n), {
  __tsan_release(FlagOf(n));
  Real();
})
WRAP(_ZNK4absl7debian312Notification19WaitForNotificationEv, void, (const Notification* n), (n), {
  Real();
  __tsan_acquire(FlagOf(n));
})
WRAP(_ZNK4absl7debian312Notification30WaitForNotificationWithTimeoutENS0_8DurationE, bool,
     (const Notification* n, Duration d), (n, d), {
       const bool notified = Real();
       if (notified) __tsan_acquire(FlagOf(n));
       return notified;
     })
WRAP(_ZNK4absl7debian312Notification31WaitForNotificationWithDeadlineENS0_4TimeE, bool, (const Notification* n, Time t),
     (n, t), {
       const bool notified = Real();
       if (notified) __tsan_acquire(FlagOf(n));
       return notified;
     })

WRAP(_ZN4absl7debian315BlockingCounter14DecrementCountEv, bool, (BlockingCounter * c), (c), {
  __tsan_release(c);
  return Real();
})
WRAP(_ZN4absl7debian315BlockingCounter4WaitEv, void, (BlockingCounter * c), (c), {
  Real();
  __tsan_acquire(c);
})

// What several threads share of a status is counted inline, and freed out of sight of the sanitizer.
WRAP(_ZN4absl7debian36Status15UnrefNonInlinedEm, void, (uintptr_t shared), (shared), {
  static std::mutex one_after_another;
  const std::lock_guard lock(one_after_another);
  Real();
})
