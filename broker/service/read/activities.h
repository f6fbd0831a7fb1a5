// What happened lately, as statistics tell it.
#ifndef BATON_BROKER_SERVICE_READ_ACTIVITIES_H_
#define BATON_BROKER_SERVICE_READ_ACTIVITIES_H_

#include "baton/v1/statistics.pb.h"
#include "broker/base/clock.h"
#include "broker/engine/live/activity.h"
#include "broker/service/read/page_limits.h"
#include "broker/service/read/task_message.h"

namespace baton::service {

// `time`: what it was counted over.
void DescribeActivity(const engine::Activity& activity, Micros time, v1::Activity* wire);

// Of each tag and type, those first that most happened to, as far as `limits` go; of all others together. The board
// knows no names: each is read from a task that has the tag.
void DescribeTags(const Surroundings& surroundings, const Clock& clock, const PageLimits& limits,
                  engine::ActivityBoard::RecentTags recent, v1::GetStatisticsResponse* response);

}  // namespace baton::service

#endif  // BATON_BROKER_SERVICE_READ_ACTIVITIES_H_
