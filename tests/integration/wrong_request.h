// Requests that must be refused, as tables: each row is sent to a broker that holds tasks, schedules and types in
// every state, and must leave what is stored as it was, to the last byte.
#ifndef BATON_TESTS_INTEGRATION_WRONG_REQUEST_H_
#define BATON_TESTS_INTEGRATION_WRONG_REQUEST_H_

#include <google/protobuf/text_format.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/storage/store.h"
#include "tests/integration/broker_fixture.h"

namespace baton {

inline constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;
inline constexpr auto kPrecondition = grpc::StatusCode::FAILED_PRECONDITION;
inline constexpr auto kAborted = grpc::StatusCode::ABORTED;

struct WrongRequest {
  // What is wrong with it: the name of the row.
  const char* wrong;
  // "TaskBroker.Cancel". The request of Claim is the first message of the stream.
  const char* method;
  // The request as protobuf text. What stands in angle brackets, here and in `named`, is a thing of the scene: see
  // WrongRequestTest::SetUp.
  std::string request;
  // How it is refused, the whole call or the only item of the request.
  grpc::StatusCode code;
  const char* reason;
  // What the message must tell: the field, the value, the limit, the cure.
  std::vector<std::string> named;
};

// One row of a table.
inline WrongRequest Row(const char* wrong, const char* method, std::string request, grpc::StatusCode code,
                        const char* reason, std::vector<std::string> named) {
  return {wrong, method, std::move(request), code, reason, std::move(named)};
}

class WrongRequestTest : public BrokerTest {
 protected:
  WrongRequestTest();
  // Sets the scene. Its things, and their names:
  //   tasks    <pending> <paused> <suspended> <waiting> (for its child <deep>, which runs) <running> (its second
  //            attempt) <staging> (runs, one part of two children is staged) <staged child> <firing> (of the schedule
  //            busy) <completed> <failed> <cancelled> <unknown>
  //   tokens   <token of …> of each task that ran; <token void> of the first attempt of <running>; <token unknown> of a
  //            task that does not exist; <token foreign> of another store
  //   pages    <page of tasks> <page of events> (of <running>) <page of attempts> (of <running>) <page of schedules>:
  //            the token of the second page
  //   sizes    <65 letters> and such: a name of that size. <1001 tasks> and such: repeated fields.
  //   worker   <session>, that of w1, which has the handler "work", and slots to spare
  // Further: type "held" is paused; the schedule nightly is active, `held` is paused, and of `busy` a task has not
  // ended; unique key `once` of type "idle" and request id `used` are in use.
  void SetUp() override;

  // Sends every row, and checks its refusal and what is stored after it.
  void SendAll(const std::vector<WrongRequest>& rows);
  // Stops the broker, changes what is stored, and starts it again.
  void Tamper(const std::function<void(const storage::Snapshot& stored, storage::WriteBatch* change)>& change);
  // One call; the response is an empty message if it fails.
  grpc::Status Call(const std::string& method, const std::string& request,
                    std::unique_ptr<google::protobuf::Message>* response);
  // A call that must be taken.
  void Do(const std::string& method, const std::string& request);
  // Hands `task` out and keeps its token.
  v1::Delivery Run(const std::string& task);
  // How one request is refused: the error of the call, or of its only item; code 0 if it is not.
  v1::Error Send(const std::string& method, const std::string& request);

  template <typename T>
  T Parsed(const std::string& text) {
    T message;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(Filled(text), &message)) << text;
    return message;
  }

  // All keys and values, with the families they are of, and the numbers of the next commit and task.
  using Stored = std::map<std::pair<int, std::string>, std::string>;
  Stored Store();

  // With the things of the scene in the place of their names.
  std::string Filled(const std::string& text) const;
  uint64_t IdOf(const std::string& task) const { return std::stoull(things_.at("<" + task + ">")); }

 private:
  void SubmitTasks();
  void EndTasks();
  void RunTasks();
  void MakeSchedules();
  void ReadPages();
  void NameSizes();
  void End(const std::string& task, v1::Outcome outcome);

  std::unique_ptr<WorkerStream> worker_;
  std::map<std::string, std::string> things_;
};

}  // namespace baton

#endif  // BATON_TESTS_INTEGRATION_WRONG_REQUEST_H_
