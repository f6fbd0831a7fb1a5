// Errors as the wire carries them.
#ifndef BATON_BROKER_SERVICE_ERROR_MESSAGE_H_
#define BATON_BROKER_SERVICE_ERROR_MESSAGE_H_

#include <string>

#include "baton/v1/error.pb.h"
#include "broker/base/error.h"

namespace baton::service {

// The error of one item.
void FillError(const Error& error, v1::Error* wire);

// The body of `grpc-status-details-bin` for a whole call: an encoded baton.v1.Status with one ErrorInfo. Advice to wait
// is the metadata entry `retry_after_us`.
std::string ErrorDetails(const Error& error);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_ERROR_MESSAGE_H_
