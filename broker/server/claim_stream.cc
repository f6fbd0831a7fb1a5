#include "broker/server/claim_stream.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/server/access/reach.h"
#include "broker/server/message_buffer.h"
#include "broker/service/deliveries.h"
#include "broker/service/sessions.h"
#include "spdlog/spdlog.h"

namespace baton::server {
namespace {

// Many cancels may be merged into one order; it is cut here so that no message outgrows the limit.
constexpr size_t kAttemptsPerOrder = 10'000;
// Deliveries that wait for a worker before the engine is told; it is told again when a quarter is left. Some messages,
// so that a worker that reads never waits.
constexpr size_t kMostWaitingBytes = 16 << 20;

Error SupersededError(const std::string& by) {
  return FailedPrecondition("SUPERSEDED", absl::StrCat("a newer generation of this pod is live (instance '", by,
                                                       "'): exit, its attempts are over"));
}

Error DrainedError() {
  return FailedPrecondition("DRAINED", "an operator has this worker leave (DrainWorker): exit when nothing is held");
}

}  // namespace

ClaimStream::ClaimStream(StreamSet* set, Core* core, RawService* service, int method,
                         grpc::ServerCompletionQueue* queue)
    : Stream(set),
      core_(core),
      service_(service),
      method_(method),
      right_(RightOf(*service->descriptor().method(method))),
      queue_(queue),
      stream_(&context_) {}

ClaimStream::~ClaimStream() {
  if (session_ != 0) core_->RemoveSession(session_);
}

void ClaimStream::Listen() {
  ++outstanding_;
  service_->RequestStream(method_, &context_, &stream_, queue_, &on_arrived_);
}

void ClaimStream::Arrived(bool ok) {
  --outstanding_;
  if (!ok) return Delete();
  set()->Add<ClaimStream>(core_, service_, method_, queue_)->Listen();
  const Error error = CallerOf(*core_->access, context_, right_, &caller_);
  state_ = State::kExpectsHello;
  open_.Open(&core_->meters->claim_streams);
  if (!error.ok()) return End(error);
  Read();
}

void ClaimStream::Read() {
  ++outstanding_;
  stream_.Read(&incoming_, static_cast<Completion*>(&on_read_));
}

void ClaimStream::HasRead(bool ok) {
  --outstanding_;
  if (!ok) {  // The worker has closed its side, or is gone.
    CloseSession();
    waiting_.clear();
    before_update_ = 0;
    End(dismissed_ ? DrainedError() : Error{});
    return DeleteIfOver();
  }
  if (ending_.has_value()) return DeleteIfOver();
  v1::ClaimRequest message;
  Error error = ParseMessage(&incoming_, &message);
  incoming_.Clear();
  if (!error.ok()) return End(error);
  state_ == State::kExpectsHello ? TakeHello(message) : TakeUpdate(message);
}

void ClaimStream::TakeHello(const v1::ClaimRequest& message) {
  if (!message.has_hello()) {
    return End(InvalidArgument("HELLO_EXPECTED", "the first message of a Claim stream must be `hello`: send it first"));
  }
  if (core_->draining) return End(DrainingError());
  auto command = std::make_unique<Answering<engine::HelloCommand>>();
  command->actor = message.hello().worker_id();
  command->bytes = message.ByteSizeLong();
  Error error = service::DecodeHello(core_->Decoding(caller_.types()), message.hello(), command.get());
  if (!error.ok()) return End(error);
  command->on_answer = [this](engine::HelloCommand& answered) { Welcome(answered); };
  state_ = State::kSaidHello;
  ++outstanding_;
  const bool look = caller_.types() != nullptr && !command->held.empty();
  look ? CheckHeld(std::move(command)) : SayHello(std::move(command));
}

void ClaimStream::CheckHeld(std::unique_ptr<engine::HelloCommand> command) {
  Named held{.tasks = {}, .by_attempts = true, .schedule = ""};
  for (const engine::AttemptId& attempt : command->held) {
    if (attempt.task != 0) held.tasks.push_back(attempt.task);
  }
  auto go_on =
      [this, kept = std::make_shared<std::unique_ptr<engine::HelloCommand>>(std::move(command))](const Error& error) {
        if (error.ok() && !ending_.has_value()) return SayHello(std::move(*kept));
        --outstanding_;
        End(error);
        DeleteIfOver();
      };
  core_->partition->Read([go_on, mailbox = core_->mailbox, held,
                          limit = Limit{caller_.token->types, ""}](const std::shared_ptr<const engine::View>& view) {
    mailbox->Post([go_on, error = CheckNamed(*view, held, limit)] { go_on(error); });
  });
}

void ClaimStream::SayHello(std::unique_ptr<engine::HelloCommand> command) {
  std::unique_ptr<engine::Command> sent = std::move(command);
  const Error error = core_->partition->Send(sent);
  if (error.ok()) return;
  --outstanding_;
  End(error);
}

void ClaimStream::Welcome(engine::HelloCommand& command) {
  --outstanding_;
  if (command.error.ok()) {
    session_ = command.session;
    core_->AddSession(session_, this);
  }
  if (ending_.has_value()) {  // The broker ended the stream meanwhile.
    CloseSession();
    return DeleteIfOver();
  }
  if (!command.error.ok()) return End(command.error);
  state_ = State::kOpen;
  worker_id_ = command.actor;
  spdlog::info("worker {} connected: session {}", worker_id_, session_);
  v1::ClaimResponse response;
  const service::WelcomeFacts facts{core_->settings.limits, core_->settings.engine, core_->settings.broker_version,
                                    core_->partition->incarnation()};
  service::EncodeWelcome(command, facts, response.mutable_welcome());
  waiting_.emplace_back(response.SerializeAsString());
  Pump();
  Read();
}

void ClaimStream::TakeUpdate(const v1::ClaimRequest& message) {
  if (!message.has_update()) {
    return End(InvalidArgument("UPDATE_EXPECTED",
                               "after `hello` a Claim stream carries only `update`: open a new "
                               "stream to say hello again"));
  }
  auto command = std::make_unique<Answering<engine::UpdateWorkerCommand>>();
  command->actor = caller_.actor;
  command->bytes = message.ByteSizeLong();
  command->session = session_;
  const Error error = service::DecodeWorkerUpdate(core_->Decoding(caller_.types()), message.update(), &command->worker);
  if (!error.ok()) return End(error);
  command->on_answer = [this, number = message.update().number()](engine::UpdateWorkerCommand& answered) {
    --outstanding_;
    if (ending_.has_value()) return DeleteIfOver();
    if (!answered.error.ok()) return End(answered.error);
    taken_update_ = number;
    before_update_ = waiting_.size();
    Pump();
    Read();
  };
  ++outstanding_;
  core_->SendSurely(std::move(command));
}

void ClaimStream::Take(engine::SessionOutput output) {
  if (ending_.has_value()) return;
  // First, so that a worker is never told to stop what it has not got yet: it would start it then.
  if (!output.deliveries.empty()) TakeDeliveries(std::move(output.deliveries));
  for (engine::Order& order : output.orders) TakeOrder(std::move(order));
  Pump();
  Pace();
}

void ClaimStream::TakeOrder(engine::Order order) {
  using Kind = engine::Order::Kind;
  if (order.kind == Kind::kSuperseded) {
    // It is over for this worker: nothing but the order leaves any more.
    const std::string by = order.text;
    waiting_.clear();
    before_update_ = 0;
    waiting_.emplace_back(std::move(order));
    CloseSession();
    ending_ = SupersededError(by);
    core_->meters->refusals.Count(*ending_);
    return;
  }
  dismissed_ = dismissed_ || order.kind == Kind::kDismiss;
  auto* last = waiting_.empty() ? nullptr : std::get_if<engine::Order>(&waiting_.back());
  const bool merges = last != nullptr && order.kind == Kind::kCancel && last->kind == Kind::kCancel &&
                      last->text == order.text && last->attempts.size() < kAttemptsPerOrder;
  if (!merges) {
    waiting_.emplace_back(std::move(order));
    return;
  }
  last->attempts.insert(last->attempts.end(), order.attempts.begin(), order.attempts.end());
}

void ClaimStream::TakeDeliveries(std::vector<engine::Delivery> deliveries) {
  const bool is_first_after_update = taken_update_ != 0 && before_update_ == waiting_.size();
  if (waiting_.empty() || is_first_after_update ||
      !std::holds_alternative<std::deque<engine::Delivery>>(waiting_.back())) {
    waiting_.emplace_back(std::deque<engine::Delivery>());
  }
  for (const engine::Delivery& delivery : deliveries) waiting_bytes_ += service::EstimateOf(delivery);
  auto& last = std::get<std::deque<engine::Delivery>>(waiting_.back());
  last.insert(last.end(), std::make_move_iterator(deliveries.begin()), std::make_move_iterator(deliveries.end()));
}

std::string ClaimStream::NextMessage() {
  if (taken_update_ != 0 && before_update_ == 0) {
    v1::ClaimResponse response;
    response.mutable_update_taken()->set_number(std::exchange(taken_update_, 0));
    return response.SerializeAsString();
  }
  Waiting& next = waiting_.front();
  std::string message;
  if (auto* deliveries = std::get_if<std::deque<engine::Delivery>>(&next)) {
    size_t taken = 0;
    message = service::TakeDeliveries(core_->partition->incarnation(), core_->settings.limits.message_bytes, deliveries,
                                      &taken);
    waiting_bytes_ -= taken;
    if (!deliveries->empty()) return message;
  } else if (auto* order = std::get_if<engine::Order>(&next)) {
    message = service::EncodeOrder(core_->partition->incarnation(), *order, core_->settings.engine.drain_deadline);
  } else {
    message = std::move(std::get<std::string>(next));
  }
  waiting_.pop_front();
  if (before_update_ > 0) --before_update_;
  return message;
}

void ClaimStream::Pump() {
  if (writing_ || finishing_) return;
  if (taken_update_ != 0 || !waiting_.empty()) {
    writing_ = true;
    ++outstanding_;
    stream_.Write(ToBuffer(NextMessage()), static_cast<Completion*>(&on_written_));
  } else if (ending_.has_value()) {
    finishing_ = true;
    ++outstanding_;
    stream_.Finish(ToStatus(*ending_), static_cast<Completion*>(&on_finished_));
  }
}

void ClaimStream::HasWritten(bool ok) {
  --outstanding_;
  writing_ = false;
  if (!ok) {  // The connection broke: nothing more can be said, and the read that is outstanding fails too.
    waiting_.clear();
    taken_update_ = 0;
    before_update_ = 0;
    CloseSession();
    if (!ending_.has_value()) ending_ = Error{};
  }
  Pump();
  Pace();
  DeleteIfOver();
}

void ClaimStream::End(const Error& error) {
  if (state_ == State::kListening || ending_.has_value()) return;
  ending_ = error;
  core_->meters->refusals.Count(error);
  // Deliveries that were not sent go back with the session; a welcome or an order may still be of use.
  std::erase_if(waiting_,
                [](const Waiting& item) { return std::holds_alternative<std::deque<engine::Delivery>>(item); });
  before_update_ = std::min(before_update_, waiting_.size());
  CloseSession();
  Pump();
}

void ClaimStream::HasFinished(bool) {
  --outstanding_;
  DeleteIfOver();
}

void ClaimStream::Pace() {
  const bool behind = waiting_bytes_ > (behind_ ? kMostWaitingBytes / 4 : kMostWaitingBytes);
  if (behind == behind_ || session_ == 0) return;
  behind_ = behind;
  auto command = std::make_unique<Answering<engine::PaceCommand>>();
  command->actor = caller_.actor;
  command->session = session_;
  command->behind = behind;
  command->on_answer = [](engine::PaceCommand&) {};
  core_->SendSurely(std::move(command));
}

void ClaimStream::CloseSession() {
  if (session_ == 0) return;
  if (!worker_id_.empty()) spdlog::info("worker {} disconnected: session {}", worker_id_, session_);
  core_->RemoveSession(session_);
  const engine::SessionNumber session = std::exchange(session_, 0);
  // The worker comes back to the next broker, which gives it the beat window; the grace of a closed stream would run
  // out here if the stop takes long, and interrupt what it works on.
  if (core_->stopping) return;
  auto command = std::make_unique<Answering<engine::StreamClosedCommand>>();
  command->actor = caller_.actor;
  command->session = session;
  command->on_answer = [](engine::StreamClosedCommand&) {};
  core_->SendSurely(std::move(command));
}

void ClaimStream::DeleteIfOver() {
  if (finishing_ && outstanding_ == 0) Delete();
}

}  // namespace baton::server
