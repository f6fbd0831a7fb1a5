// A library to be preloaded into a process, whose wall clock then goes wrong by so many microseconds as the eight bytes
// of the file $WALL_CLOCK_SHIFT say, which may change at any time. Its steady clocks are left alone.
//
// Waits until a time of the wall clock behave as in the kernel: when the clock is set forward they end, and when it is
// set back they last longer. Those of Abseil are calls of futex, for which libfaketime has no answer; that library also
// stops before main() in a program that is linked with jemalloc.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
// How soon a wait notices that the clock was set.
constexpr int64_t kSliceMicros = 5'000;

const std::atomic<int64_t>* MapShift() {
  const char* path = std::getenv("WALL_CLOCK_SHIFT");
  const int fd = path != nullptr ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* bytes = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return bytes == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(bytes);
}

int64_t Shift() {
  static const std::atomic<int64_t>* const shift = MapShift();
  return shift != nullptr ? shift->load() : 0;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int RealTime(clockid_t clock, timespec* time) {
  static auto* const real = Next<int(clockid_t, timespec*)>("clock_gettime");
  return real(clock, time);
}

timespec Shifted(const timespec& time, int64_t micros) {
  const int64_t sum = time.tv_sec * kMicrosPerSecond + time.tv_nsec / 1000 + micros;
  timespec shifted{};
  shifted.tv_sec = sum / kMicrosPerSecond;
  shifted.tv_nsec = sum % kMicrosPerSecond * 1000 + time.tv_nsec % 1000;
  return shifted;
}

bool IsBefore(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

// The end of the next slice of a wait until `until` by the shifted clock, as the kernel tells time. False: it is over.
bool NextSlice(const timespec& until, timespec* end) {
  timespec now{};
  RealTime(CLOCK_REALTIME, &now);
  const timespec due = Shifted(until, -Shift());
  if (!IsBefore(now, due)) return false;
  *end = Shifted(now, kSliceMicros);
  if (IsBefore(due, *end)) *end = due;
  return true;
}

using SystemCall = long(long, ...);

long RealSystemCall(long number, const long (&arguments)[6]) {
  static auto* const real = Next<SystemCall>("syscall");
  return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

bool WaitsByWallClock(long number, const long (&arguments)[6]) {
  constexpr long kOptions = FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;
  return number == SYS_futex && (arguments[1] & FUTEX_CLOCK_REALTIME) != 0 &&
         (arguments[1] & ~kOptions) == FUTEX_WAIT_BITSET && arguments[3] != 0;
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = RealTime(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) *time = Shifted(*time, Shift());
  return result;
}

int gettimeofday(timeval* __restrict time, void* __restrict) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* result) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr) *result = now.tv_sec;
  return now.tv_sec;
}

long syscall(long number, ...) noexcept {
  long arguments[6];
  va_list list;
  va_start(list, number);
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  if (!WaitsByWallClock(number, arguments)) return RealSystemCall(number, arguments);
  const timespec until = *reinterpret_cast<const timespec*>(arguments[3]);
  timespec end{};
  arguments[3] = reinterpret_cast<long>(&end);
  while (NextSlice(until, &end)) {
    const long result = RealSystemCall(number, arguments);
    if (result == 0 || errno != ETIMEDOUT) return result;
  }
  errno = ETIMEDOUT;
  return -1;
}

int pthread_cond_timedwait(pthread_cond_t* __restrict condition, pthread_mutex_t* __restrict mutex,
                           const timespec* __restrict until) {
  static auto* const real = Next<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>("pthread_cond_timedwait");
  timespec end{};
  while (NextSlice(*until, &end)) {
    if (const int result = real(condition, mutex, &end); result != ETIMEDOUT) return result;
  }
  return ETIMEDOUT;
}

}  // extern "C"
