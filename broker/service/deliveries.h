// What the broker says on a Claim stream, encoded.
#ifndef BATON_BROKER_SERVICE_DELIVERIES_H_
#define BATON_BROKER_SERVICE_DELIVERIES_H_

#include <cstdint>
#include <deque>
#include <string>

#include "broker/engine/command.h"
#include "broker/service/limits.h"

namespace baton::service {

// Bytes that a delivery occupies on the wire; an estimate, rather too much.
size_t EstimateOf(const engine::Delivery& delivery);

// Takes deliveries from the front of `pending` and encodes them as one ClaimResponse: at least one, and not more than
// fit into `message_bytes` or kDeliveriesPerMessage. `pending` must not be empty. Payloads are copied once, as bytes.
// `taken`, unless null, grows by the estimates of those taken.
std::string TakeDeliveries(uint64_t incarnation, size_t message_bytes, std::deque<engine::Delivery>* pending,
                           size_t* taken = nullptr);

// One order as a ClaimResponse. `drain_deadline` is for drain orders.
std::string EncodeOrder(uint64_t incarnation, const engine::Order& order, Micros drain_deadline);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_DELIVERIES_H_
