#include "tests/bench/board.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"

namespace baton::bench {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == 4 && std::atomic<uint64_t>::is_always_lock_free,
              "the board is shared between processes");

size_t BytesFor(uint64_t tasks) { return sizeof(BoardHeader) + tasks * sizeof(Entry); }

absl::Status SystemError(absl::string_view what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("shared memory of the benchmark: ", what));
}

int64_t Futex(std::atomic<uint32_t>* word, int operation, uint32_t value, const timespec* timeout) {
  return syscall(SYS_futex, reinterpret_cast<uint32_t*>(word), operation, value, timeout, nullptr, 0);
}

}  // namespace

int64_t MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

absl::StatusOr<Board> Board::Create(uint64_t tasks) {
  const int descriptor = memfd_create("baton-bench", 0);
  if (descriptor < 0) return SystemError("memfd_create");
  const size_t bytes = BytesFor(tasks);
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) {
    absl::Status status = SystemError(absl::StrCat(bytes, " bytes for ", tasks, " tasks"));
    close(descriptor);
    return status;
  }
  absl::StatusOr<Board> board = Map(descriptor, bytes);
  if (board.ok()) board->header_->tasks = tasks;
  return board;
}

absl::StatusOr<Board> Board::Open(int descriptor) {
  struct stat file {};
  if (fstat(descriptor, &file) != 0) return SystemError("fstat of the descriptor passed by the parent");
  return Map(descriptor, static_cast<size_t>(file.st_size));
}

absl::StatusOr<Board> Board::Map(int descriptor, size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) {
    absl::Status status = SystemError("mmap");
    close(descriptor);
    return status;
  }
  return Board(descriptor, bytes, memory);
}

Board::Board(int descriptor, size_t bytes, void* memory)
    : descriptor_(descriptor),
      bytes_(bytes),
      header_(static_cast<BoardHeader*>(memory)),
      entries_(reinterpret_cast<Entry*>(header_ + 1)) {}

Board::Board(Board&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      bytes_(other.bytes_),
      header_(std::exchange(other.header_, nullptr)),
      entries_(other.entries_) {}

Board::~Board() {
  if (header_ != nullptr) munmap(header_, bytes_);
  if (descriptor_ >= 0) close(descriptor_);
}

void Board::OpenGate(Gate gate) {
  header_->gate.store(gate);
  Ring();
}

void Board::BeginPhase() {
  header_->gate.store(Gate::kWarmUp);
  const auto clear = [](Role* role) {
    role->stage.store(Stage::kStarting);
    role->begin_at.store(0);
    role->end_at.store(0);
    role->submitted.store(0);
  };
  for (Role& producer : header_->producers) clear(&producer);
  for (Role& worker : header_->workers) clear(&worker);
  for (std::atomic<uint64_t>* sum : {&header_->ran, &header_->spawned_ran, &header_->stream_ran, &header_->warm_ran}) {
    sum->store(0);
  }
  header_->joined_at.store(0);
  header_->holder.store(0);
}

void Board::SetStage(Role* role, Stage stage) {
  role->stage.store(stage);
  Ring();
}

void Board::Fail(absl::string_view error) {
  uint32_t none = 0;
  // 1: the text is being written; 2: it can be read.
  if (!header_->has_error.compare_exchange_strong(none, 1)) return;
  const size_t size = std::min(error.size(), sizeof(header_->error) - 1);
  std::memcpy(header_->error, error.data(), size);
  header_->has_error.store(2);
  Ring();
}

absl::Status Board::status() const {
  const uint32_t state = header_->has_error.load();
  if (state == 0) return absl::OkStatus();
  return absl::InternalError(state == 2 ? header_->error : "a process of the benchmark failed");
}

void Board::Ring() {
  header_->bell.fetch_add(1);
  Futex(&header_->bell, FUTEX_WAKE, INT_MAX, nullptr);
}

void Board::WaitForRing(uint32_t seen, absl::Duration timeout) {
  const timespec limit = absl::ToTimespec(timeout);
  Futex(&header_->bell, FUTEX_WAIT, seen, &limit);
}

}  // namespace baton::bench
