#ifndef BATON_TESTS_INTEGRATION_WORKER_STREAM_H_
#define BATON_TESTS_INTEGRATION_WORKER_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "baton/v1/broker.grpc.pb.h"

namespace baton {

// A Claim stream as a worker without any library would hold it. Reads block, at most until the stream's deadline.
class WorkerStream {
 public:
  // Opens the stream and says hello.
  WorkerStream(v1::TaskBroker::Stub* stub, const v1::Hello& hello);
  // With any first message.
  WorkerStream(v1::TaskBroker::Stub* stub, const v1::ClaimRequest& first);
  // Breaks the stream if it was not finished.
  ~WorkerStream();

  // False if the stream ended instead: see Finish.
  bool ReadWelcome();
  const v1::Welcome& welcome() const { return welcome_; }
  uint64_t session() const { return welcome_.session(); }

  // The next delivery; nothing if the stream ended. Orders that come before it are kept.
  std::optional<v1::Delivery> NextDelivery();
  // The next order; deliveries that come before it are kept.
  std::optional<v1::Order> NextOrder();
  // The next so many deliveries; fewer if the stream ended.
  std::vector<v1::Delivery> Deliveries(size_t count);

  bool Update(const v1::WorkerUpdate& update);

  // Breaks the connection of this stream, as a crash of the worker does.
  void Break();
  // Closes the worker's side, reads what is left, and answers how the broker ended the stream.
  grpc::Status Finish();

 private:
  bool ReadOne();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ClaimRequest, v1::ClaimResponse>> stream_;
  v1::Welcome welcome_;
  std::deque<v1::Delivery> deliveries_;
  std::deque<v1::Order> orders_;
  std::optional<grpc::Status> finished_;
};

}  // namespace baton

#endif  // BATON_TESTS_INTEGRATION_WORKER_STREAM_H_
