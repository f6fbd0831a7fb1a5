#include "worker_sdk/src/failover_connection.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/sdk/fake_connection.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StreamListener final : public ClaimObserver {
 public:
  void OnClaimMessage(uint64_t stream, v1::ClaimResponse& message) override {
    messages.push_back({stream, message.welcome().session()});
  }
  void OnClaimClosed(uint64_t stream, const absl::Status& status) override {
    closed.push_back({stream, status.code()});
  }

  std::vector<std::pair<uint64_t, uint64_t>> messages;
  std::vector<std::pair<uint64_t, absl::StatusCode>> closed;
};

class FailoverConnectionTest : public ::testing::Test {
 protected:
  // A call that the fake broker has to answer.
  PendingCall<v1::GetRequest, v1::GetResponse> Get() {
    connection_->Get({}, {.timeout = absl::Seconds(1), .wait_for_ready = true},
                     [this](const absl::Status& status, v1::GetResponse&) { codes_.push_back(status.code()); });
    return broker_->gets.Take("a Get call");
  }
  std::vector<std::string> Moves() {
    std::vector<std::string> moves;
    for (const NewAddress& move : broker_->addresses.TakeAll()) {
      moves.push_back(move.address + (move.stay_encrypted ? ", encrypted" : ""));
    }
    return moves;
  }

  const std::shared_ptr<FakeConnection> broker_ = std::make_shared<FakeConnection>();
  const std::shared_ptr<BrokerConnection> connection_ = MakeFailoverConnection(broker_, {"one", "two", "three"});
  std::vector<absl::StatusCode> codes_;
};

TEST_F(FailoverConnectionTest, StaysWithABrokerThatAnswersWhateverItSays) {
  Get().Succeed();
  for (const absl::StatusCode code :
       {absl::StatusCode::kNotFound, absl::StatusCode::kResourceExhausted, absl::StatusCode::kInternal,
        absl::StatusCode::kDeadlineExceeded, absl::StatusCode::kCancelled}) {
    Get().Fail(absl::Status(code, "refused by the test"));
    EXPECT_EQ(codes_.back(), code);
  }
  EXPECT_THAT(Moves(), IsEmpty());
}

TEST_F(FailoverConnectionTest, StaysWithABrokerThatRefusedAnOldAccessToken) {
  const absl::Status replaced = MakeStatus(static_cast<int>(absl::StatusCode::kUnavailable), "there is a new token",
                                           kAccessTokenReplaced, absl::ZeroDuration());
  Get().Fail(replaced);
  EXPECT_THAT(codes_, ElementsAre(absl::StatusCode::kUnavailable)) << "its caller tries again";
  connection_->OpenClaim(7, {}, std::make_shared<StreamListener>());
  broker_->observer()->OnClaimClosed(7, replaced);
  EXPECT_THAT(Moves(), IsEmpty());
}

TEST_F(FailoverConnectionTest, GoesToTheNextWhenOneIsUnavailableAndBeginsAnewAfterTheLast) {
  for (const char* next : {"two", "three", "one", "two"}) {
    Get().Fail(absl::UnavailableError("gone"));
    EXPECT_THAT(Moves(), ElementsAre(next));
  }
  EXPECT_EQ(codes_.size(), 4u) << "each failure is told to its caller";
}

TEST_F(FailoverConnectionTest, CallsThatFailTogetherMoveItOnce) {
  auto first = Get(), second = Get(), third = Get();
  first.Fail(absl::UnavailableError("gone"));
  second.Fail(absl::UnavailableError("gone"));
  EXPECT_THAT(Moves(), ElementsAre("two"));
  Get().Fail(absl::UnavailableError("gone too"));
  third.Fail(absl::UnavailableError("gone"));
  EXPECT_THAT(Moves(), ElementsAre("three"));
}

TEST_F(FailoverConnectionTest, NoCallWaitsForABrokerThatIsNotThere) {
  auto call = Get();
  EXPECT_FALSE(call.options.wait_for_ready);
  EXPECT_EQ(call.options.timeout, absl::Seconds(1));
  call.Succeed();
}

TEST_F(FailoverConnectionTest, StreamsMoveItToo) {
  const auto listener = std::make_shared<StreamListener>();
  connection_->OpenClaim(7, {}, listener);
  v1::ClaimResponse welcome;
  welcome.mutable_welcome()->set_session(3);
  broker_->observer()->OnClaimMessage(7, welcome);
  EXPECT_THAT(listener->messages, ElementsAre(std::pair(7u, 3u)));
  // A call that fails with its broker, and then the stream: one move.
  Get().Fail(absl::UnavailableError("gone"));
  broker_->observer()->OnClaimClosed(7, absl::UnavailableError("gone"));
  EXPECT_THAT(listener->closed, ElementsAre(std::pair(uint64_t{7}, absl::StatusCode::kUnavailable)));
  EXPECT_THAT(Moves(), ElementsAre("two"));
  connection_->OpenClaim(8, {}, listener);
  broker_->observer()->OnClaimClosed(8, absl::UnavailableError("draining"));
  EXPECT_THAT(Moves(), ElementsAre("three"));
  connection_->OpenClaim(9, {}, listener);
  broker_->observer()->OnClaimClosed(9, absl::OkStatus());
  EXPECT_THAT(Moves(), IsEmpty());
}

TEST_F(FailoverConnectionTest, ABrokerMaySendItElsewhere) {
  connection_->SetAddress("four", /*stay_encrypted=*/true);
  EXPECT_THAT(Moves(), ElementsAre("four, encrypted"));
  Get().Fail(absl::UnavailableError("gone"));
  EXPECT_THAT(Moves(), ElementsAre("two")) << "which is used as it is written";
}

TEST_F(FailoverConnectionTest, ClosingAnswersWhatIsOpen) {
  connection_->Get({}, {.timeout = absl::Seconds(1)},
                   [this](const absl::Status& status, v1::GetResponse&) { codes_.push_back(status.code()); });
  connection_->Close();
  EXPECT_THAT(codes_, ElementsAre(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
