// Keys and values on disk: what was written is read back, and whatever else is there is refused, or says the same once
// it was written again.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "broker/base/check.h"
#include "broker/base/varint.h"
#include "broker/engine/catalog.h"
#include "broker/engine/format/keys.h"
#include "broker/engine/options.h"
#include "broker/engine/task.h"
#include "broker/service/wire.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/record_pages.h"

namespace baton::fuzz {
namespace {

// Keys sort as the numbers they are made of.
void CheckKeys(Input& input) {
  const uint64_t a = input.Number(), b = input.Number();
  const auto row_a = static_cast<uint32_t>(input.Number()), row_b = static_cast<uint32_t>(input.Number());
  const std::string task_a = engine::TaskKey(a).str(), task_b = engine::TaskKey(b).str();
  BATON_CHECK(engine::ReadU64(task_a) == a, absl::BytesToHexString(task_a));
  BATON_CHECK((task_a < task_b) == (a < b), absl::BytesToHexString(task_a));
  const std::string log_a = engine::LogKey(a, row_a).str(), log_b = engine::LogKey(b, row_b).str();
  BATON_CHECK(engine::ReadU32(log_a.substr(8)) == row_a, absl::BytesToHexString(log_a));
  BATON_CHECK((log_a < log_b) == (std::pair(a, row_a) < std::pair(b, row_b)), absl::BytesToHexString(log_a));
  const std::string index = engine::IndexKey(a, engine::IndexKind::kTag, static_cast<uint8_t>(row_a)).str();
  BATON_CHECK(engine::ReadU64(index) == engine::GroupOf(a), absl::BytesToHexString(index));
}

void CheckNumbers(Input& input) {
  const uint64_t number = input.Number();
  char bytes[kMaxVarintBytes];
  const char* end = WriteVarint(number, bytes);
  uint64_t read = 0;
  BATON_CHECK(ReadVarint(bytes, &read) == end && read == number, std::to_string(number));
  BATON_CHECK(UnZigZag(ZigZag(number)) == number, std::to_string(number));
}

// What WireWriter writes, protobuf and WireReader read alike.
void CheckWritten(Input& input) {
  std::string message;
  service::WireWriter writer(&message);
  std::map<uint32_t, std::string> texts;
  std::map<uint32_t, uint64_t> numbers;
  while (!input.empty()) {
    const auto field = static_cast<uint32_t>(1 + input.Number() % ((1 << 29) - 1));
    const uint64_t number = input.Number();
    const std::string text(input.Bytes(20));
    if (input.Chance(128)) {
      writer.Varint(field, number);
      if (number != 0) numbers[field] = number;
    } else {
      writer.PresentBytes(field, text);
      texts[field] = text;
    }
  }
  google::protobuf::UnknownFieldSet fields;
  BATON_CHECK(fields.ParseFromString(message), absl::BytesToHexString(message));
  std::map<uint32_t, std::string> read_texts;
  std::map<uint32_t, uint64_t> read_numbers;
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    if (field.type() == google::protobuf::UnknownField::TYPE_VARINT) read_numbers[field.number()] = field.varint();
    if (field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      read_texts[field.number()] = field.length_delimited();
    }
  }
  BATON_CHECK(read_texts == texts && read_numbers == numbers, absl::BytesToHexString(message));
}

// WireReader finds in any message what protobuf finds, and ends with any bytes.
void CheckRead(absl::string_view bytes) {
  service::WireReader reader(bytes);
  std::vector<uint32_t> fields;
  while (reader.Next()) {
    fields.push_back(reader.field());
    BATON_CHECK(fields.size() <= bytes.size(), absl::BytesToHexString(bytes));
  }
  google::protobuf::Empty message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const google::protobuf::UnknownFieldSet& known = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < known.field_count(); ++i) {
    // Groups are of proto2, and nothing of ours has any.
    if (known.field(i).type() == google::protobuf::UnknownField::TYPE_GROUP) return;
  }
  BATON_CHECK(static_cast<int>(fields.size()) == known.field_count(), absl::BytesToHexString(bytes));
  for (int i = 0; i < known.field_count(); ++i) {
    BATON_CHECK(static_cast<int>(fields[i]) == known.field(i).number(), absl::BytesToHexString(bytes));
  }
}

template <typename Record>
bool Reads(absl::string_view bytes, Record* record) {
  return record->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

void CheckOptions(absl::string_view bytes) {
  records::v1::Options record;
  if (Reads(bytes, &record)) {
    const engine::Options options = engine::FromRecord(record);
    // A number that is none equals nothing, not even itself.
    if (!options.retry_jitter.has_value() || *options.retry_jitter == *options.retry_jitter) {
      BATON_CHECK(engine::FromRecord(engine::ToRecord(options)) == options, record.ShortDebugString());
    }
  }
  records::v1::OptionsRow row;
  if (Reads(bytes, &row)) engine::FromRecord(row);
}

void CheckTasks(absl::string_view bytes) {
  engine::Catalog catalog;
  engine::Task task;
  engine::ReadTaskRow(bytes, 7, catalog, &task);
  records::v1::Mutable record, written, again;
  if (!Reads(bytes, &record)) return;
  engine::FromRecord(record, &task);
  engine::ToRecord(task, &written);
  engine::Task copy;
  engine::FromRecord(written, &copy);
  engine::ToRecord(copy, &again);
  BATON_CHECK(written.SerializeAsString() == again.SerializeAsString(), record.ShortDebugString());
}

void Run(Input input) {
  switch (input.Below(9)) {
    case 0:
      return CheckAnyPage(input);
    case 1:
      return CheckOwnPage(input);
    case 2:
      return CheckAnyIndexRow(input);
    case 3:
      return CheckKeys(input);
    case 4:
      return CheckNumbers(input);
    case 5:
      return CheckWritten(input);
    case 6:
      return CheckRead(input.Rest());
    case 7:
      return CheckOptions(input.Rest());
    default:
      return CheckTasks(input.Rest());
  }
}

}  // namespace
}  // namespace baton::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  baton::fuzz::Run(baton::fuzz::Input(data, size));
  return 0;
}
