// RETURN_IF_ERROR and ASSIGN_OR_RETURN, shaped like the ones of newer Abseil versions.
#ifndef BATON_BROKER_BASE_STATUS_MACROS_H_
#define BATON_BROKER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define BATON_CONCAT_INNER(a, b) a##b
#define BATON_CONCAT(a, b) BATON_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression) BATON_RETURN_IF_ERROR_IMPL(BATON_CONCAT(status_, __COUNTER__), expression)

#define BATON_RETURN_IF_ERROR_IMPL(status, expression)      \
  do {                                                      \
    if (absl::Status status = (expression); !status.ok()) { \
      return status;                                        \
    }                                                       \
  } while (false)

#define ASSIGN_OR_RETURN(target, expression) \
  BATON_ASSIGN_OR_RETURN_IMPL(BATON_CONCAT(status_or_, __COUNTER__), target, expression)

#define BATON_ASSIGN_OR_RETURN_IMPL(status_or, target, expression) \
  auto status_or = (expression);                                   \
  if (!status_or.ok()) return std::move(status_or).status();       \
  target = *std::move(status_or)

#endif  // BATON_BROKER_BASE_STATUS_MACROS_H_
