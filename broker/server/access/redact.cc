#include "broker/server/access/redact.h"

#include <algorithm>
#include <vector>

namespace baton::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

template <typename Items, typename TypeOf>
void EraseOthers(const service::TypePrefixes& types, Items* items, TypeOf type_of) {
  items->erase(
      std::remove_if(items->begin(), items->end(), [&](const auto& item) { return !types.Allow(type_of(item)); }),
      items->end());
}

void Hide(v1::Payload* payload) {
  payload->Clear();
  payload->set_content_type(kHiddenContentType);
}

void HideWithin(const FieldDescriptor& field, Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    if (field.name() == "metadata_json") reflection.ClearField(message, &field);
    return;
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return;
  if (!field.is_repeated()) return HidePayloads(reflection.MutableMessage(message, &field));
  for (int i = 0; i < reflection.FieldSize(*message, &field); ++i) {
    HidePayloads(reflection.MutableRepeatedMessage(message, &field, i));
  }
}

void Add(const v1::StateCounts& counts, v1::StateCounts* sum) {
  sum->set_pending(sum->pending() + counts.pending());
  sum->set_running(sum->running() + counts.running());
  sum->set_suspended(sum->suspended() + counts.suspended());
  sum->set_completed(sum->completed() + counts.completed());
  sum->set_permanently_failed(sum->permanently_failed() + counts.permanently_failed());
  sum->set_cancelled(sum->cancelled() + counts.cancelled());
}

bool IsLonger(const google::protobuf::Duration& a, const google::protobuf::Duration& b) {
  return a.seconds() != b.seconds() ? a.seconds() > b.seconds() : a.nanos() > b.nanos();
}

}  // namespace

void HidePayloads(Message* message) {
  if (auto* payload = google::protobuf::DynamicCastToGenerated<v1::Payload>(message)) return Hide(payload);
  std::vector<const FieldDescriptor*> fields;
  message->GetReflection()->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) HideWithin(*field, message);
}

void KeepAllowed(const service::TypePrefixes& types, v1::ListTasksResponse* response) {
  EraseOthers(types, response->mutable_tasks(), [](const v1::Task& task) { return task.type(); });
}

void KeepAllowed(const service::TypePrefixes& types, v1::WatchResponse* response) {
  EraseOthers(types, response->mutable_tasks(), [](const v1::Task& task) { return task.type(); });
}

void KeepAllowed(const service::TypePrefixes& types, v1::ListTypesResponse* response) {
  EraseOthers(types, response->mutable_types(), [](const auto& type) { return type.type(); });
}

void KeepAllowed(const service::TypePrefixes& types, v1::ListSchedulesResponse* response) {
  EraseOthers(types, response->mutable_schedules(),
              [](const v1::Schedule& schedule) { return schedule.definition().task().type(); });
}

void KeepAllowed(const service::TypePrefixes& types, v1::CountTasksResponse* response) {
  EraseOthers(types, response->mutable_counts(), [](const v1::TaskCount& count) { return count.type(); });
}

void KeepAllowed(const service::TypePrefixes& types, v1::ExplainResponse* response) {
  EraseOthers(types, response->mutable_unfinished_children(), [](const v1::Task& child) { return child.type(); });
}

void KeepAllowed(const service::TypePrefixes& types, v1::GetStatisticsResponse* response) {
  EraseOthers(types, response->mutable_types(), [](const v1::TypeStatistics& type) { return type.type(); });
  v1::GetStatisticsResponse allowed;
  for (const v1::TypeStatistics& type : response->types()) {
    Add(type.counts(), allowed.mutable_counts());
    allowed.set_due(allowed.due() + type.due());
    allowed.set_unservable(allowed.unservable() + type.unservable());
    if (type.has_oldest_due() && (!allowed.has_oldest_due() || IsLonger(type.oldest_due(), allowed.oldest_due()))) {
      *allowed.mutable_oldest_due() = type.oldest_due();
    }
  }
  EraseOthers(types, response->mutable_tags(), [](const v1::TagStatistics& tag) { return tag.type(); });
  allowed.mutable_tags()->Swap(response->mutable_tags());
  allowed.mutable_types()->Swap(response->mutable_types());
  response->Swap(&allowed);
}

}  // namespace baton::server
