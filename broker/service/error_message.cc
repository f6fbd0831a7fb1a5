#include "broker/service/error_message.h"

#include "absl/strings/str_cat.h"

namespace baton::service {

void FillError(const Error& error, v1::Error* wire) {
  wire->set_code(static_cast<int32_t>(error.code));
  wire->set_reason(error.reason);
  wire->set_message(error.message);
  wire->set_retry_after_us(error.retry_after);
}

std::string ErrorDetails(const Error& error) {
  v1::ErrorInfo info;
  info.set_reason(error.reason);
  info.set_domain("baton");
  if (error.retry_after > 0) (*info.mutable_metadata())["retry_after_us"] = absl::StrCat(error.retry_after);
  v1::Status status;
  status.set_code(static_cast<int32_t>(error.code));
  status.set_message(error.message);
  v1::Status::Any* detail = status.add_details();
  detail->set_type_url("type.googleapis.com/baton.v1.ErrorInfo");
  detail->set_value(info.SerializeAsString());
  return status.SerializeAsString();
}

}  // namespace baton::service
