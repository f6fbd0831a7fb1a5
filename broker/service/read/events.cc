#include "broker/service/read/events.h"

#include <optional>
#include <utility>

#include "broker/service/read/history_filter.h"
#include "broker/service/read/member_cursor.h"
#include "broker/service/read/page_token.h"

namespace baton::service {
namespace {

using records::v1::Step;

// Where a list goes on: at which task, and where in its history. Rows are counted from 0, the task row, over the log
// rows to the last one, which is the end row or what the live table alone knows. The position holds what the expansion
// of that row needs of those before.
struct Position {
  TaskId task = 0;
  uint32_t row = 0;
  // Events of that row that were told before.
  uint64_t told = 0;
  // Events of all rows before it.
  uint64_t number = 0;
  EventExpander::Context context;
};

std::string Encode(const std::string& list, const Position& position) {
  const EventExpander::Context& context = position.context;
  const uint64_t state = static_cast<uint64_t>(context.state) << 1 | (context.waits_for_children ? 1 : 0);
  const uint64_t phase = uint64_t{context.attempt} << 32 | context.stage;
  return EncodePageToken(list, {position.task, position.row, position.told, position.number, state, phase,
                                static_cast<uint64_t>(context.time)});
}

Error Decode(const std::string& list, const std::string& token, Position* position) {
  if (token.empty()) return {};
  std::vector<uint64_t> numbers;
  Error error = DecodePageToken(list, token, 7, &numbers);
  if (!error.ok()) return error;
  position->task = numbers[0];
  position->row = static_cast<uint32_t>(numbers[1]);
  position->told = numbers[2];
  position->number = numbers[3];
  position->context = {static_cast<v1::TaskState>(numbers[4] >> 1), (numbers[4] & 1) != 0,
                       static_cast<uint32_t>(numbers[5]), static_cast<uint32_t>(numbers[5] >> 32),
                       static_cast<WallMicros>(numbers[6])};
  return {};
}

// Fills one page with what matches, from a position on.
class EventPage {
 public:
  EventPage(const engine::View& view, const Clock& clock, const v1::ListEventsRequest& request,
            const PageLimits& limits, v1::ListEventsResponse* response)
      : view_(view),
        request_(request),
        limits_(limits),
        list_(ListNameOf("events ", request)),
        response_(*response),
        timer_(clock, limits.budget) {}

  Error Fill() {
    Position from;
    Error error = Decode(list_, request_.page_token(), &from);
    if (!error.ok()) return error;
    const HistoryScope scope{request_.task_id(), request_.root_id()};
    return VisitTasks(view_, scope, from.task, [&](const TaskFacts& facts, bool* is_full) {
      return AddTask(facts, facts.id == from.task ? from : Position{facts.id}, is_full);
    });
  }

 private:
  Error AddTask(const TaskFacts& facts, const Position& from, bool* is_full) {
    position_ = from;
    expander_.emplace(facts.id).set_context(from.context);
    if (position_.row == 0) {
      expander_->ExpandTaskRow(facts.row, &events_);
      *is_full = !Take();
      if (*is_full) return {};
    }
    Error error = ScanLog(view_.store(), facts.id, position_.row, [&](uint32_t, const Step& step) {
      expander_->ExpandStep(step, &events_);
      *is_full = !Take();
      return !*is_full;
    });
    if (!error.ok() || *is_full) return error;
    return AddLast(facts, is_full);
  }

  Error AddLast(const TaskFacts& facts, bool* is_full) {
    if (facts.live()) {
      std::string worker;
      Error error = WorkerOfSession(view_.store(), facts.entry.session, &worker);
      if (!error.ok()) return error;
      expander_->ExpandLiveEntry(facts.entry, worker, &events_);
    } else {
      expander_->ExpandStep(facts.end, &events_);
    }
    *is_full = !Take();
    return {};
  }

  // Moves the events of the present row into the page. False, and the token is set, if there is no room for all, or no
  // time is left.
  bool Take() {
    if (timer_.IsOver()) return EndPage();
    for (uint64_t i = position_.told; i < events_.size(); ++i) {
      if (!Matches(request_, events_[i])) continue;
      const size_t bytes = events_[i].ByteSizeLong() + 8;
      const bool first = response_.events().empty();
      if (!first && (response_.events_size() >= static_cast<int>(limits_.items) || bytes_ + bytes > limits_.bytes)) {
        position_.told = i;
        return EndPage();
      }
      bytes_ += bytes;
      events_[i].set_number(position_.number + i + 1);
      *response_.add_events() = std::move(events_[i]);
    }
    position_ = {position_.task, position_.row + 1, 0, position_.number + events_.size(), expander_->context()};
    return true;
  }

  bool EndPage() {
    response_.set_next_page_token(Encode(list_, position_));
    return false;
  }

  const engine::View& view_;
  const v1::ListEventsRequest& request_;
  const PageLimits& limits_;
  const std::string list_;
  v1::ListEventsResponse& response_;
  PageTimer timer_;
  // Of the present task.
  std::optional<EventExpander> expander_;
  Position position_;
  std::vector<v1::Event> events_;
  size_t bytes_ = 0;
};

}  // namespace

Error ListEvents(const engine::View& view, const Clock& clock, const v1::ListEventsRequest& request,
                 const PageLimits& limits, v1::ListEventsResponse* response) {
  return EventPage(view, clock, request, limits, response).Fill();
}

}  // namespace baton::service
