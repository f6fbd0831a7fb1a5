#include "tests/bench/phases.h"

#include "broker/base/status_macros.h"

namespace baton::bench {

absl::StatusOr<Measured> RunThrough(TestBed* bed, const ProducerOptions& producer, const BenchWorkerOptions& worker) {
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitReady());
  Meter meter(bed);
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitWorkerDone());
  meter.Stop();
  RETURN_IF_ERROR(bed->AwaitProducerDone());
  const BoardHeader& header = bed->board().header();
  return Measured{{header.producers[0].begin_at.load(), header.workers[0].end_at.load()}, meter};
}

absl::StatusOr<Measured> SubmitOnly(TestBed* bed, const ProducerOptions& producer) {
  RETURN_IF_ERROR(bed->StartProducer(producer));
  RETURN_IF_ERROR(bed->AwaitReady());
  Meter meter(bed);
  bed->board().OpenGate(Gate::kSubmit);
  RETURN_IF_ERROR(bed->AwaitProducerDone());
  meter.Stop();
  const Role& role = bed->board().header().producers[0];
  return Measured{{role.begin_at.load(), role.end_at.load()}, meter};
}

absl::StatusOr<Measured> DrainOnly(TestBed* bed, const ProducerOptions& producer, const BenchWorkerOptions& worker) {
  RETURN_IF_ERROR(bed->StartWorker(worker));
  RETURN_IF_ERROR(SubmitOnly(bed, producer).status());
  Meter meter(bed);
  bed->board().OpenGate(Gate::kDrain);
  RETURN_IF_ERROR(bed->AwaitWorkerDone());
  meter.Stop();
  const Role& role = bed->board().header().workers[0];
  return Measured{{role.begin_at.load(), role.end_at.load()}, meter};
}

absl::StatusOr<Interval> RunLifecyclePhase(TestBed* bed, const Portion& portion, Report* report) {
  ProducerOptions producer = bed->MakeProducer(portion);
  producer.ahead = bed->options().ahead;
  producer.warm_up = bed->options().warm_up;
  BenchWorkerOptions worker = bed->MakeWorker(portion.kind, portion.count);
  worker.warm_up = producer.warm_up;
  ASSIGN_OR_RETURN(const Measured measured, RunThrough(bed, producer, worker));
  AddRate(report, portion.count, measured.interval);
  AddLatency(report, "latency_ms", bed->board(), portion);
  measured.meter.AddTo(report, portion.count);
  RETURN_IF_ERROR(bed->EndPhase());
  return measured.interval;
}

}  // namespace baton::bench
