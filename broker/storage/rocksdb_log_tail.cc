#include "broker/storage/rocksdb_log_tail.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace baton::storage {
namespace {

namespace fs = std::filesystem;

// A log is blocks of this size, each of whole records: checksum (4 bytes), length (2) and type (1), then so many bytes;
// numbers are little-endian. A record of the application that is larger is cut into several of these.
constexpr size_t kLogBlock = 32 << 10;
constexpr size_t kRecordHeader = 7;
constexpr uint8_t kFirstRecordType = 2, kMiddleRecordType = 3;
constexpr uint8_t kLastRecordType = 4;  // FULL, FIRST, MIDDLE, LAST; logs are not used again, which would add others.

uint8_t ByteAt(absl::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    table[byte] = crc;
  }
  return table;
}

// CRC-32C.
uint32_t CrcOf(absl::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = MakeCrcTable();
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  return ~crc;
}

// As it is stored: so that checksums of what has checksums in it are of use.
uint32_t Masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8; }

size_t LengthAt(absl::string_view block, size_t at) {
  return ByteAt(block, at + 4) | size_t{ByteAt(block, at + 5)} << 8;
}

// Whether there is a record of `length` bytes at `at`.
bool IsRecord(absl::string_view block, size_t at, size_t length) {
  const uint8_t type = ByteAt(block, at + 6);
  if (type == 0 || type > kLastRecordType || at + kRecordHeader + length > block.size()) return false;
  uint32_t stored = 0;
  for (size_t i = 4; i-- > 0;) stored = stored << 8 | ByteAt(block, at + i);
  return stored == Masked(CrcOf(block.substr(at + kRecordHeader - 1, length + 1)));
}

// Where the record begins that reaches beyond the end, or none is left. `last_type`: of the record before it.
size_t EndOfWhole(absl::string_view block, uint8_t* last_type) {
  size_t at = 0;
  while (at + kRecordHeader <= block.size()) {
    const size_t length = LengthAt(block, at);
    if (at + kRecordHeader + length > block.size()) break;
    *last_type = ByteAt(block, at + 6);
    at += kRecordHeader + length;
  }
  return at;
}

std::string LastBlockOf(const fs::path& log, uint64_t* begin) {
  std::error_code error;
  const uint64_t size = fs::file_size(log, error);
  *begin = error || size == 0 ? 0 : (size - 1) / kLogBlock * kLogBlock;
  std::string block(error ? 0 : size - *begin, '\0');
  std::ifstream file(log, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(*begin));
  file.read(block.data(), static_cast<std::streamsize>(block.size()));
  return file.good() ? block : "";
}

}  // namespace

std::optional<size_t> FindWrongLength(absl::string_view last_block) {
  uint8_t ignored = 0;
  const size_t at = EndOfWhole(last_block, &ignored);
  if (at + kRecordHeader > last_block.size()) return std::nullopt;
  if (IsRecord(last_block, at, last_block.size() - at - kRecordHeader)) return at;
  for (size_t next = at + 1; next + kRecordHeader <= last_block.size(); ++next) {
    if (IsRecord(last_block, next, LengthAt(last_block, next))) return at;
  }
  return std::nullopt;
}

std::string FindWrongLengthIn(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".log") continue;
    uint64_t begin = 0;
    const std::string block = LastBlockOf(entry->path(), &begin);
    const std::optional<size_t> wrong = FindWrongLength(block);
    if (!wrong.has_value()) continue;
    return absl::StrCat("log file ", entry->path().filename().string(), ": the length of the record at byte ",
                        begin + *wrong, " is wrong, since whole records follow");
  }
  return "";
}

std::string FindCutOffLogIn(const std::string& directory) {
  std::map<uint64_t, fs::path> logs;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    uint64_t number = 0;
    const fs::path& path = entry->path();
    if (path.extension() == ".log" && absl::SimpleAtoi(path.stem().string(), &number)) logs[number] = path;
  }
  if (!logs.empty()) logs.erase(std::prev(logs.end()));
  for (const auto& [number, path] : logs) {
    uint64_t begin = 0;
    const std::string block = LastBlockOf(path, &begin);
    uint8_t last_type = kLastRecordType;
    const size_t rest = block.size() - EndOfWhole(block, &last_type);
    // What is left of a block has no room for another record.
    const bool whole = rest == 0 || (block.size() == kLogBlock && rest < kRecordHeader);
    if (whole && last_type != kFirstRecordType && last_type != kMiddleRecordType) continue;
    return absl::StrCat("log file ", path.filename().string(), " ends inside a record, and a newer one follows");
  }
  return "";
}

}  // namespace baton::storage
