#include "broker/service/read/events.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/service/read/page_token.h"

namespace baton::service {
namespace {

using records::v1::Step;

// Where a history goes on: rows are counted from 0, the task row, over the log rows to the last one, which is the end
// row or what the live table alone knows. The position holds what the expansion of that row needs of those before.
struct Position {
  uint32_t row = 0;
  // Events of that row that were told before.
  uint64_t told = 0;
  // Events of all rows before it.
  uint64_t number = 0;
  EventExpander::Context context;
};

std::string EventsOf(TaskId id) { return absl::StrCat("events of ", id); }

std::string Encode(TaskId id, const Position& position) {
  const EventExpander::Context& context = position.context;
  return EncodePageToken(EventsOf(id),
                         {position.row, position.told, position.number, static_cast<uint64_t>(context.state),
                          context.waits_for_children ? uint64_t{1} : uint64_t{0}, context.stage, context.attempt,
                          static_cast<uint64_t>(context.time)});
}

Error Decode(TaskId id, const std::string& token, Position* position) {
  if (token.empty()) return {};
  std::vector<uint64_t> numbers;
  Error error = DecodePageToken(EventsOf(id), token, 8, &numbers);
  if (!error.ok()) return error;
  position->row = static_cast<uint32_t>(numbers[0]);
  position->told = numbers[1];
  position->number = numbers[2];
  position->context = {static_cast<v1::TaskState>(numbers[3]), numbers[4] != 0, static_cast<uint32_t>(numbers[5]),
                       static_cast<uint32_t>(numbers[6]), static_cast<WallMicros>(numbers[7])};
  return {};
}

// Fills one page from a position on.
class EventPage {
 public:
  EventPage(const engine::View& view, const TaskFacts& facts, size_t page_size, size_t page_bytes,
            v1::ListEventsResponse* response)
      : view_(view),
        facts_(facts),
        page_size_(page_size),
        page_bytes_(page_bytes),
        response_(*response),
        expander_(facts.id) {}

  Error Fill(const Position& from) {
    position_ = from;
    expander_.set_context(from.context);
    if (position_.row == 0) {
      expander_.ExpandTaskRow(facts_.row, &events_);
      if (!Take()) return {};
    }
    bool full = false;
    Error error = ScanLog(view_.store(), facts_.id, position_.row, [&](uint32_t, const Step& step) {
      expander_.ExpandStep(step, &events_);
      full = !Take();
      return !full;
    });
    if (!error.ok() || full) return error;
    return AddLast();
  }

 private:
  Error AddLast() {
    if (facts_.live()) {
      std::string worker;
      Error error = WorkerOfSession(view_.store(), facts_.entry.session, &worker);
      if (!error.ok()) return error;
      expander_.ExpandLiveEntry(facts_.entry, worker, &events_);
    } else {
      expander_.ExpandStep(facts_.end, &events_);
    }
    Take();
    return {};
  }

  // Moves the events of the present row into the page. False, and the token is set, if there is no room for all.
  bool Take() {
    for (uint64_t i = position_.told; i < events_.size(); ++i) {
      const size_t bytes = events_[i].ByteSizeLong() + 8;
      const bool first = response_.events().empty();
      if (!first && (response_.events_size() >= static_cast<int>(page_size_) || bytes_ + bytes > page_bytes_)) {
        position_.told = i;
        response_.set_next_page_token(Encode(facts_.id, position_));
        return false;
      }
      bytes_ += bytes;
      events_[i].set_number(position_.number + i + 1);
      *response_.add_events() = std::move(events_[i]);
    }
    position_ = {position_.row + 1, 0, position_.number + events_.size(), expander_.context()};
    return true;
  }

  const engine::View& view_;
  const TaskFacts& facts_;
  const size_t page_size_;
  const size_t page_bytes_;
  v1::ListEventsResponse& response_;
  EventExpander expander_;
  Position position_;
  std::vector<v1::Event> events_;
  size_t bytes_ = 0;
};

}  // namespace

Error ListEvents(const engine::View& view, const v1::ListEventsRequest& request, size_t page_size, size_t page_bytes,
                 v1::ListEventsResponse* response) {
  Position position;
  Error error = Decode(request.task_id(), request.page_token(), &position);
  TaskFacts facts;
  if (error.ok()) error = LoadTask(view, request.task_id(), &facts);
  if (!error.ok()) return error;
  return EventPage(view, facts, page_size, page_bytes, response).Fill(position);
}

}  // namespace baton::service
