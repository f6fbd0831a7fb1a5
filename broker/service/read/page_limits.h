// Where a page of a list ends.
#ifndef BATON_BROKER_SERVICE_READ_PAGE_LIMITS_H_
#define BATON_BROKER_SERVICE_READ_PAGE_LIMITS_H_

#include <cstddef>

#include "broker/base/clock.h"

namespace baton::service {

struct PageLimits {
  size_t items;
  size_t bytes;
  // How long a search may take.
  Micros budget;
};

// Says when the time of a page is up. For one page; not thread-safe.
class PageTimer {
 public:
  // `clock` must outlive it.
  PageTimer(const Clock& clock, Micros budget) : clock_(clock), deadline_(clock.Read().steady + budget) {}

  // To be asked before each row. False for the first one, so that every page gets on.
  bool IsOver() {
    const bool is_first = !has_begun_;
    has_begun_ = true;
    return !is_first && clock_.Read().steady >= deadline_;
  }

 private:
  const Clock& clock_;
  const SteadyMicros deadline_;
  bool has_begun_ = false;
};

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_PAGE_LIMITS_H_
