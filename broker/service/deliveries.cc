#include "broker/service/deliveries.h"

#include "absl/strings/string_view.h"
#include "baton/records/v1/records.pb.h"
#include "baton/v1/worker.pb.h"
#include "broker/service/attempt_token.h"
#include "broker/service/wire.h"

namespace baton::service {
namespace {

// Everything in a delivery but payloads, contexts and decisions, generously.
constexpr size_t kDeliveryOverhead = 512;

// baton.v1.Delivery. Payloads have the same layout in rows and on the wire, so they are copied as they are.
void EncodeDelivery(uint64_t incarnation, const engine::Delivery& delivery, std::string* out) {
  const engine::TaskBody& body = *delivery.body;
  absl::string_view payload, tag, schedule, trace_parent, trace_state;
  uint64_t scheduled = 0;
  WireReader row(body.task_row);
  while (row.Next()) {
    if (row.field() == 1) payload = row.bytes();
    if (row.field() == 2) tag = row.bytes();
    if (row.field() == records::v1::TaskRow::kScheduleFieldNumber) schedule = row.bytes();
    if (row.field() == records::v1::TaskRow::kScheduledUsFieldNumber) scheduled = row.varint();
    if (row.field() == records::v1::TaskRow::kTraceParentFieldNumber) trace_parent = row.bytes();
    if (row.field() == records::v1::TaskRow::kTraceStateFieldNumber) trace_state = row.bytes();
  }
  WireWriter writer(out);
  writer.Varint(1, delivery.number);
  writer.Begin(2, kAttemptTokenBytes);
  AppendAttemptToken(incarnation, delivery.attempt, out);
  writer.Varint(3, delivery.attempt.task);
  writer.Varint(4, delivery.attempt.attempt);
  writer.Bytes(5, delivery.type);
  writer.Varint(6, delivery.stage);
  writer.Bytes(7, payload);
  writer.Bytes(8, FindBytes(body.context_step, 3));
  writer.Bytes(9, FindBytes(body.decision_step, 4));
  writer.Signed(10, delivery.timeout);
  writer.Bytes(11, tag);
  writer.Varint(12, delivery.parent);
  writer.Varint(13, delivery.root != 0 ? delivery.root : delivery.attempt.task);
  writer.Signed(14, delivery.priority);
  writer.Varint(15, delivery.failures);
  writer.Signed(16, delivery.max_retries);
  writer.Varint(17, delivery.children);
  writer.Varint(18, delivery.children_failed);
  writer.Varint(19, delivery.handler_version);
  writer.Signed(20, delivery.created);
  writer.Bytes(21, schedule);
  writer.Varint(22, scheduled);
  writer.Bytes(23, trace_parent);
  writer.Bytes(24, trace_state);
}

// `named`: any message that has attempt tokens.
template <typename Message>
void AddTokens(uint64_t incarnation, const engine::Order& order, Message* named) {
  for (const engine::AttemptId& attempt : order.attempts) {
    AppendAttemptToken(incarnation, attempt, named->add_attempt_tokens());
  }
}

}  // namespace

size_t EstimateOf(const engine::Delivery& delivery) {
  const engine::TaskBody& body = *delivery.body;
  return body.task_row.size() + body.context_step.size() + body.decision_step.size() + kDeliveryOverhead;
}

std::string TakeDeliveries(uint64_t incarnation, size_t message_bytes, std::deque<engine::Delivery>* pending,
                           size_t* taken) {
  std::string deliveries, one;
  for (size_t count = 0; count < kDeliveriesPerMessage && !pending->empty(); ++count) {
    const engine::Delivery& next = pending->front();
    if (count > 0 && deliveries.size() + EstimateOf(next) > message_bytes) break;
    if (taken != nullptr) *taken += EstimateOf(next);
    one.clear();
    EncodeDelivery(incarnation, next, &one);
    WireWriter(&deliveries).PresentBytes(1, one);
    pending->pop_front();
  }
  std::string message;
  message.reserve(deliveries.size() + 16);
  WireWriter(&message).PresentBytes(v1::ClaimResponse::kDeliveriesFieldNumber, deliveries);
  return message;
}

std::string EncodeOrder(uint64_t incarnation, const engine::Order& order, Micros drain_deadline) {
  v1::ClaimResponse response;
  v1::Order* wire = response.mutable_order();
  switch (order.kind) {
    case engine::Order::Kind::kCancel:
      AddTokens(incarnation, order, wire->mutable_cancel());
      wire->mutable_cancel()->set_reason(order.text);
      break;
    case engine::Order::Kind::kRecall:
      AddTokens(incarnation, order, wire->mutable_recall());
      break;
    case engine::Order::Kind::kDrain:
    case engine::Order::Kind::kDismiss:
      wire->mutable_drain()->set_reason(order.text);
      wire->mutable_drain()->set_deadline_us(drain_deadline);
      break;
    case engine::Order::Kind::kSuperseded:
      wire->mutable_superseded()->set_by_instance_id(order.text);
      break;
  }
  return response.SerializeAsString();
}

}  // namespace baton::service
