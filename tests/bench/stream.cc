#include "tests/bench/stream.h"

#include "absl/time/time.h"
#include "broker/base/status_macros.h"

namespace baton::bench {
namespace {

constexpr double kStreamSeconds = 900;

}  // namespace

uint64_t Stream::Capacity(const BenchOptions& options) {
  return static_cast<uint64_t>(options.stream_rate * kStreamSeconds) + 1;
}

absl::Status Stream::Start() {
  ProducerOptions producer = bed_->MakeProducer(portion_);
  producer.index = 1;
  producer.rate = bed_->options().stream_rate;
  BenchWorkerOptions worker = bed_->MakeWorker(Kind::kStream, /*count=*/0);
  worker.index = 1;
  RETURN_IF_ERROR(bed_->StartWorker(worker));
  return bed_->StartProducer(producer);
}

absl::Status Stream::Stop() {
  bed_->board().OpenGate(Gate::kQuiet);
  RETURN_IF_ERROR(bed_->AwaitProducerDone(1));
  BoardHeader& header = bed_->board().header();
  portion_.count = header.producers[1].submitted.load();
  return bed_->Await(
      "waiting for the stream", [&] { return header.stream_ran.load() >= portion_.count; }, absl::Minutes(5));
}

}  // namespace baton::bench
