#include "tests/fuzz/messages.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>

#include "absl/strings/match.h"
#include "baton/v1/error.pb.h"
#include "google/protobuf/descriptor.h"

namespace baton::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// A task in a schedule in a request in a stream is as deep as it gets.
constexpr int kDeepest = 8;

template <size_t kCount>
const char* PickWord(Input& input, const char* const (&words)[kCount]) {
  return words[input.Below(kCount)];
}

constexpr const char* kTypes[] = {"work", "work", "render", "other"};
constexpr const char* kNames[] = {"a", "b", "gpu", "work"};
constexpr const char* kCrons[] = {"* * * * *", "*/5 * * * * *", "@hourly", "0 0 L * *", "0 0 30 2 *", "61 * * * *"};
constexpr const char* kZones[] = {"", "UTC", "Europe/Berlin", "Pacific/Apia", "Nowhere/Else"};
constexpr const char* kJsonTexts[] = {"", "{}", "{\"a\":[1,2]}", "null", "\"\xc3\xa4\"", "{", "[[[[[]]]]]"};
constexpr const char* kTraceParents[] = {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                         "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
                                         "00-00000000000000000000000000000000-b7ad6b7169203331-01"};
constexpr const char* kTraceStates[] = {"", "", "", "vendor=1,other=2"};
constexpr const char* kTexts[] = {"because", "x", " ", "", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "a\nb"};

// Texts that no message could carry are no input of a broker.
std::string TakeText(Input& input) {
  if (input.Chance(200)) return PickWord(input, kTexts);
  if (input.Chance(200)) return Plain(input.Bytes(24));
  return std::string(input.Below(400), 'y');
}

std::string TakeString(Input& input, const World& world, const std::string& name) {
  if (input.Chance(16)) return TakeText(input);
  if (name == "type") return PickWord(input, kTypes);
  if (name == "cron") return PickWord(input, kCrons);
  if (name == "time_zone") return PickWord(input, kZones);
  if (name == "trace_parent") return PickWord(input, kTraceParents);
  if (name == "trace_state") return PickWord(input, kTraceStates);
  if (name == "page_token") return world.page_token;
  if (name == "json" || absl::EndsWith(name, "_json")) return PickWord(input, kJsonTexts);
  const bool is_name = name == "name" || name == "names" || name == "tag" || absl::EndsWith(name, "_id") ||
                       name == "unique_key" || name == "schedule" || name == "capabilities" || name == "held_types";
  return is_name ? PickWord(input, kNames) : TakeText(input);
}

std::string TakeBytes(Input& input, const World& world, const std::string& name) {
  if (!absl::StartsWith(name, "attempt_token") && name != "held_attempt_tokens") return std::string(input.Bytes(40));
  if (world.attempt_tokens.empty() || input.Chance(8)) return std::string(input.Bytes(24));
  // The newest first: they are the likeliest to be valid.
  return world.attempt_tokens[world.attempt_tokens.size() - 1 - input.Below(world.attempt_tokens.size())];
}

uint64_t TakeUnsigned(Input& input, const World& world, const std::string& name) {
  if (input.Chance(16)) return input.Number();
  if (name == "session") {
    return world.sessions.empty() ? 1 : world.sessions[world.sessions.size() - 1 - input.Below(world.sessions.size())];
  }
  if (absl::EndsWith(name, "_id")) return 1 + input.Below(std::min<uint64_t>(world.broker->next_id(), 60'000));
  return input.Below(8);
}

int64_t TakeMicros(Input& input, const World& world, const std::string& name) {
  constexpr int64_t kDurations[] = {0, kMillisecond, kSecond, 10 * kSecond, kMinute, kDay, -1};
  const int64_t duration = input.Chance(240) ? kDurations[input.Below(std::size(kDurations))] : input.Signed();
  if (!absl::EndsWith(name, "_at_us") || input.Chance(32)) return duration;
  return world.broker->clock().Read().wall + duration % kDay;
}

int32_t TakeInt32(Input& input, const std::string& name) {
  if (input.Chance(16)) return static_cast<int32_t>(input.Number());
  if (name == "protocol_version") return 1;
  return static_cast<int32_t>(input.Below(12)) - (input.Chance(16) ? 6 : 0);
}

double TakeDouble(Input& input) {
  constexpr double kNumbers[] = {0,
                                 0.5,
                                 1,
                                 100,
                                 -1,
                                 1e300,
                                 1e-300,
                                 std::numeric_limits<double>::infinity(),
                                 std::numeric_limits<double>::quiet_NaN()};
  return kNumbers[input.Below(std::size(kNumbers))];
}

// Without them a request is refused at once.
bool IsNeeded(const FieldDescriptor& field) {
  constexpr const char* kNeeded[] = {"attempt_token",
                                     "cron",
                                     "handlers",
                                     "hello",
                                     "instance_id",
                                     "items",
                                     "job_id",
                                     "name",
                                     "outcomes",
                                     "part",
                                     "protocol_version",
                                     "reason",
                                     "session",
                                     "slots",
                                     "task",
                                     "task_id",
                                     "tasks",
                                     "type",
                                     "verb",
                                     "worker_id",
                                     "worker",
                                     "schedule",
                                     "checkpoint",
                                     "progress",
                                     "code"};
  // What narrows a search down, or only goes along with something.
  const std::string& message = field.containing_type()->name();
  if (message == "TaskFilter" || message == "ListEventsRequest") return false;
  if (field.full_name() == "baton.v1.Outcome.progress") return false;
  return std::find(std::begin(kNeeded), std::end(kNeeded), field.name()) != std::end(kNeeded);
}

class Filler {
 public:
  Filler(Input& input, const World& world) : input_(input), world_(world) {}

  void Fill(Message* message, int depth) {
    const google::protobuf::Descriptor& type = *message->GetDescriptor();
    if (type.full_name() == "google.protobuf.Timestamp") return FillTimestamp(message);
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.real_containing_oneof() != nullptr) continue;
      if (!IsNeeded(field) && !input_.Chance(80)) continue;
      if (field.is_repeated()) {
        for (size_t count = IsNeeded(field) ? 1 + input_.Below(4) : input_.Below(4); count > 0; --count) {
          Set(message, field, depth);
        }
      } else {
        Set(message, field, depth);
      }
    }
    for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
      const google::protobuf::OneofDescriptor& choice = *type.oneof_decl(i);
      if (input_.Chance(16)) continue;
      Set(message, *choice.field(static_cast<int>(input_.Below(choice.field_count()))), depth);
    }
  }

 private:
  // Sets a field, or adds to a repeated one.
  void Set(Message* message, const FieldDescriptor& field, int depth) {
    const Reflection& access = *message->GetReflection();
    const std::string& name = field.name();
    const auto put = [&](auto single, auto add, const auto& value) {
      field.is_repeated() ? (access.*add)(message, &field, value) : (access.*single)(message, &field, value);
    };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return put(&Reflection::SetInt32, &Reflection::AddInt32, TakeInt32(input_, name));
      case FieldDescriptor::CPPTYPE_INT64:
        return put(&Reflection::SetInt64, &Reflection::AddInt64, TakeMicros(input_, world_, name));
      case FieldDescriptor::CPPTYPE_UINT32:
        return put(&Reflection::SetUInt32, &Reflection::AddUInt32,
                   static_cast<uint32_t>(TakeUnsigned(input_, world_, name)));
      case FieldDescriptor::CPPTYPE_UINT64:
        return put(&Reflection::SetUInt64, &Reflection::AddUInt64, TakeUnsigned(input_, world_, name));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return put(&Reflection::SetDouble, &Reflection::AddDouble, TakeDouble(input_));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return put(&Reflection::SetFloat, &Reflection::AddFloat, static_cast<float>(TakeDouble(input_)));
      case FieldDescriptor::CPPTYPE_BOOL:
        return put(&Reflection::SetBool, &Reflection::AddBool, input_.Chance(128));
      case FieldDescriptor::CPPTYPE_ENUM:
        return put(&Reflection::SetEnumValue, &Reflection::AddEnumValue, TakeEnum(field));
      case FieldDescriptor::CPPTYPE_STRING:
        return SetString(message, field);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (depth >= kDeepest) return;
        return Fill(field.is_repeated() ? access.AddMessage(message, &field) : access.MutableMessage(message, &field),
                    depth + 1);
    }
  }

  int TakeEnum(const FieldDescriptor& field) {
    // One beyond the last: what a later version may send.
    return static_cast<int>(input_.Below(static_cast<size_t>(field.enum_type()->value_count()) + 1));
  }

  void SetString(Message* message, const FieldDescriptor& field) {
    const std::string value = field.type() == FieldDescriptor::TYPE_BYTES ? TakeBytes(input_, world_, field.name())
                                                                          : TakeString(input_, world_, field.name());
    const Reflection& access = *message->GetReflection();
    field.is_repeated() ? access.AddString(message, &field, value) : access.SetString(message, &field, value);
  }

  // Around now, or at the ends of what there is, or nonsense.
  void FillTimestamp(Message* message) {
    const WallMicros now = world_.broker->clock().Read().wall;
    const int64_t seconds =
        input_.Chance(224) ? now / kSecond + static_cast<int64_t>(input_.Below(1000)) - 500 : input_.Signed();
    const Reflection& access = *message->GetReflection();
    access.SetInt64(message, message->GetDescriptor()->FindFieldByName("seconds"), seconds);
    if (input_.Chance(32)) {
      access.SetInt32(message, message->GetDescriptor()->FindFieldByName("nanos"),
                      static_cast<int32_t>(input_.Number()));
    }
  }

  Input& input_;
  const World& world_;
};

}  // namespace

void Fill(Input& input, const World& world, Message* message) { Filler(input, world).Fill(message, 0); }

void CheckTravels(const Message& message) {
  const std::unique_ptr<Message> arrived(message.New());
  BATON_CHECK(arrived->ParseFromString(message.SerializeAsString()), message.DebugString());
}

void CheckRefusal(const Error& error) {
  BATON_CHECK(*error.reason != '\0' && !error.message.empty(), absl::StrCat(error.reason, ": ", error.message));
  BATON_CHECK(error.code != absl::StatusCode::kInternal && error.code != absl::StatusCode::kUnknown &&
                  error.code != absl::StatusCode::kDataLoss,
              absl::StrCat(error.reason, ": ", error.message));
  v1::Error sent;
  sent.set_code(static_cast<int>(error.code));
  sent.set_reason(error.reason);
  sent.set_message(error.message);
  CheckTravels(sent);
}

}  // namespace baton::fuzz
