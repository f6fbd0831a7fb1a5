// CHECK_FIELD leaves the calling function with the Error of `expression`, if there is one.
#ifndef BATON_BROKER_SERVICE_CHECK_H_
#define BATON_BROKER_SERVICE_CHECK_H_

#include "broker/base/error.h"

#define CHECK_FIELD(expression)                                           \
  do {                                                                    \
    if (::baton::Error check_error_ = (expression); !check_error_.ok()) { \
      return check_error_;                                                \
    }                                                                     \
  } while (false)

#endif  // BATON_BROKER_SERVICE_CHECK_H_
