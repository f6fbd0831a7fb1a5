// What the benchmark's verdicts rest on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/board.h"
#include "tests/bench/expiry.h"
#include "tests/bench/payload.h"
#include "tests/bench/process.h"
#include "tests/bench/producer.h"
#include "tests/bench/samples.h"
#include "tests/bench/verify.h"
#include "tests/bench/workload.h"

namespace baton::bench {
namespace {

using ::testing::HasSubstr;

Board MakeBoard(uint64_t tasks) { return *Board::Create(tasks); }

// Task i was answered with id 100 + i and ran `runs` times.
void Record(Board* board, uint64_t i, uint32_t runs) {
  board->entry(i).submitted_id = 100 + i;
  board->entry(i).submits = 1;
  board->entry(i).ran_id = runs > 0 ? 100 + i : 0;
  board->entry(i).runs = runs;
}

TEST(VerifyBoard, AcceptsWhatEndedExactlyOnce) {
  Board board = MakeBoard(3);
  for (uint64_t i = 0; i < 3; ++i) Record(&board, i, 1);
  EXPECT_EQ(VerifyBoard(board, {{.count = 3}}), absl::OkStatus());
  EXPECT_EQ(VerifyBoard(board, {{.count = 3, .is_run = false}}).code(), absl::StatusCode::kDataLoss);
}

TEST(VerifyBoard, LooksAtItsPortionsOnly) {
  Board board = MakeBoard(3);
  Record(&board, 0, 1);
  Record(&board, 1, 0);
  EXPECT_EQ(VerifyBoard(board, {{.count = 1}}), absl::OkStatus());
  EXPECT_EQ(VerifyBoard(board, {{.first = 1, .count = 1, .is_run = false}}), absl::OkStatus());
  EXPECT_EQ(VerifyBoard(board, {{.count = 1}, {.first = 1, .count = 1, .is_run = false}}), absl::OkStatus());
}

struct Fault {
  const char* name;
  void (*inflict)(Board*);
  const char* message;
};

class VerifyBoardFaults : public testing::TestWithParam<Fault> {};

TEST_P(VerifyBoardFaults, AreNamed) {
  Board board = MakeBoard(3);
  for (uint64_t i = 0; i < 3; ++i) Record(&board, i, 1);
  GetParam().inflict(&board);
  const absl::Status status = VerifyBoard(board, {{.count = 3}});
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, VerifyBoardFaults,
    testing::Values(Fault{"Lost", [](Board* board) { board->entry(1).runs = 0; }, "ran 0 times"},
                    Fault{"RunTwice", [](Board* board) { board->entry(1).runs = 2; }, "ran 2 times"},
                    Fault{"Unanswered", [](Board* board) { board->entry(1).submits = 0; }, "answered 0 times"},
                    Fault{"AnsweredTwice", [](Board* board) { board->entry(1).submits = 2; }, "answered 2 times"},
                    Fault{"RanUnderAnotherId", [](Board* board) { board->entry(1).ran_id = 999; }, "ran as task 999"},
                    Fault{"SharedId", [](Board* board) { board->entry(1).submitted_id = board->entry(1).ran_id = 100; },
                          "given to two submissions"},
                    Fault{"FarId",
                          [](Board* board) { board->entry(1).submitted_id = board->entry(1).ran_id = 1u << 31; },
                          "far apart"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Quantiles, AreNearestRanks) {
  std::vector<int64_t> durations;
  for (int64_t i = 1000; i >= 1; --i) durations.push_back(i * 1'000'000);
  const Quantiles quantiles = *QuantilesOf(durations);
  EXPECT_EQ(quantiles.p50, 500);
  EXPECT_EQ(quantiles.p90, 900);
  EXPECT_EQ(quantiles.p99, 990);
  EXPECT_EQ(quantiles.p999, 999);
  EXPECT_EQ(quantiles.max, 1000);
}

TEST(Quantiles, OfOneAndOfNone) {
  EXPECT_EQ(QuantilesOf({7'000'000})->p50, 7);
  EXPECT_EQ(QuantilesOf({7'000'000})->max, 7);
  EXPECT_FALSE(QuantilesOf({}).has_value());
}

TEST(Payload, CarriesItsNumber) {
  EXPECT_EQ(MakePayload(42, 200).size(), 200u);
  EXPECT_EQ(SequenceOf(MakePayload(42, 200)), 42u);
  EXPECT_EQ(SequenceOf(MakePayload(42, 0)), 42u);
  EXPECT_EQ(SequenceOf("short"), std::nullopt);
  EXPECT_NE(MakePayload(1, 200).substr(8), MakePayload(2, 200).substr(8));
}

TEST(Pauses, ComeAtTheFirstOneAndRegularlyAfterIt) {
  ProducerOptions options;
  EXPECT_FALSE(IsAfterPause(options, 0));
  options.first_pause = 10;
  options.pause_every = 5;
  std::vector<uint64_t> pauses;
  for (uint64_t i = 0; i < 22; ++i) {
    if (IsAfterPause(options, i)) pauses.push_back(i);
  }
  EXPECT_THAT(pauses, testing::ElementsAre(10, 15, 20));
}

TEST(Share, EachTypeHasTwoWorkersAndNoTwoWorkersServeTheSame) {
  const std::vector<std::string> types = TypesOf(Kind::kRouted);
  ASSERT_EQ(types.size(), size_t{kRoutedTypes});
  std::map<std::string, int> servers;
  std::set<std::vector<std::string>> shares;
  for (int worker = 0; worker < 7; ++worker) {
    const std::vector<std::string> share = ShareOf(types, worker, 7);
    shares.insert(share);
    for (const std::string& type : share) ++servers[type];
  }
  EXPECT_EQ(shares.size(), 7u);
  EXPECT_EQ(servers.size(), types.size());
  for (const auto& [type, count] : servers) EXPECT_EQ(count, 2) << type;
  EXPECT_EQ(ShareOf(types, 0, 1), types);
}

TEST(Board, IsSharedWithWhoeverHasTheDescriptor) {
  Board board = MakeBoard(2);
  Board other = *Board::Open(dup(board.descriptor()));
  EXPECT_EQ(other.tasks(), 2u);
  std::thread child([&other] {
    other.entry(1).runs = 1;
    other.SetStage(&other.header().producers[0], Stage::kDone);
  });
  EXPECT_TRUE(board.Await([&] { return board.header().producers[0].stage == Stage::kDone; }, absl::Seconds(30)));
  EXPECT_EQ(board.entry(1).runs, 1u);
  child.join();
}

TEST(Board, AwaitEndsWhenAChildFails) {
  Board board = MakeBoard(1);
  std::thread child([&board] { board.Fail("it broke"); });
  EXPECT_FALSE(board.Await([] { return false; }, absl::Seconds(30)));
  child.join();
  board.Fail("a later one");
  EXPECT_EQ(board.status().message(), "it broke");
}

TEST(WithRetention, StandsInPlaceOfWhatTheSettingsSay) {
  EXPECT_EQ(WithRetention("", "[retention]\n"), "[retention]\n");
  EXPECT_EQ(WithRetention("[server]\nlisten = \"a\"\n", "[retention]\n"), "[server]\nlisten = \"a\"\n[retention]\n");
  EXPECT_EQ(WithRetention("retention.ended = \"1d\"\n[retention] # long\nended = \"9d\"\n\n[log]\nformat = \"json\"",
                          "[retention]\nended = \"1s\"\n"),
            "[log]\nformat = \"json\"\n[retention]\nended = \"1s\"\n");
}

TEST(Process, TellsItsLinesAndItsEnd) {
  absl::StatusOr<Process> process = Process::Start({"/bin/sh", "-c", "echo one; echo two; exec sleep 600"});
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(*process->ReadLine(absl::Seconds(30)), "one");
  EXPECT_EQ(*process->ReadLine(absl::Seconds(30)), "two");
  EXPECT_GT(process->Usage()->peak_rss_mib, 0);
}

TEST(Process, ReportsExitCodesAndSignals) {
  EXPECT_EQ(Process::Start({"/bin/true"})->Wait(absl::Seconds(30)), absl::OkStatus());
  EXPECT_THAT(std::string(Process::Start({"/bin/sh", "-c", "exit 3"})->Wait(absl::Seconds(30)).message()),
              HasSubstr("exit code 3"));
  EXPECT_THAT(std::string(Process::Start({"/bin/sh", "-c", "kill -9 $$"})->Wait(absl::Seconds(30)).message()),
              HasSubstr("signal 9"));
  EXPECT_EQ(Process::Start({"/bin/nothing-of-this-name"}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace baton::bench
