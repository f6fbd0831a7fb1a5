#ifndef BATON_TESTS_INTEGRATION_SDK_RELOAD_FIXTURE_H_
#define BATON_TESTS_INTEGRATION_SDK_RELOAD_FIXTURE_H_

// First, because both sides have an Error, and the broker's headers mean theirs.
#include "tests/integration/broker_fixture.h"
// After it, and by itself.
#include <baton/worker.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace baton {

// Where handlers wait for the test.
class Gate {
 public:
  // Of a handler: waits until the test opens.
  void Pass();
  // Waits until a handler stands before the gate.
  void AwaitHandler();
  void Open();
  bool open();

 private:
  absl::Mutex mutex_;
  bool waiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

// A real broker, and a real worker whose handlers change while it runs.
class ReloadTest : public BrokerTest {
 protected:
  ReloadTest() = default;
  ~ReloadTest() override;

  // Runs the worker, with what was registered so far and what the test registers later.
  void Run();
  sdk::Worker& worker();

  // Registers a handler, by itself or with options; fails the test if it is refused.
  template <typename Handler>
  void Use(const std::string& type, Handler handler) {
    EXPECT_TRUE(worker().Use(type, std::move(handler)).ok()) << type;
  }
  // A handler that waits before the gate and then ends its attempt this way.
  static sdk::HandlerFunction Behind(Gate& gate, sdk::Outcome outcome);
  static sdk::HandlerFunction Returning(std::string result);

  // Waits until the broker knows the worker's handler of this type in this version; 0: until it knows none.
  void AwaitVersion(const std::string& type, uint64_t version);
  // The only worker, as the broker sees it.
  v1::Worker Seen();

  void AwaitState(uint64_t task_id, v1::TaskState state);
  // The type as ListTypes shows it; without a name if it does not.
  v1::TypeInfo Type(const std::string& type);
  // The result, once the task has ended; fails the test if it did not complete.
  std::string ResultOf(uint64_t task_id);
  // Of its attempts, the oldest first.
  std::vector<v1::Attempt> AttemptsOf(uint64_t task_id);
  std::vector<uint64_t> VersionsOf(uint64_t task_id);

  // Any method of TaskAdmin; fails the test if the call fails.
  template <typename Response, typename Request>
  Response Ask(grpc::Status (v1::TaskAdmin::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
               const Request& request) {
    TestContext context;
    Response response;
    EXPECT_THAT((admin().*method)(&context, request, &response), IsOk());
    return response;
  }

  Gate gate_;

 private:
  std::unique_ptr<sdk::Worker> worker_;
  std::thread runner_;
};

}  // namespace baton

#endif  // BATON_TESTS_INTEGRATION_SDK_RELOAD_FIXTURE_H_
