#include "worker_sdk/src/validate.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton::inline sdk {
namespace internal {
namespace {

using ::testing::HasSubstr;

HandlerOptions Good() {
  return {.handler = [](Task&) { return Outcome(); }};
}

struct BadHandler {
  const char* what;
  std::function<void(Registration&)> spoil;
  std::vector<std::string> said;
};

TEST(ValidateTest, RefusesBadRegistrationsByName) {  // B66, B257
  const std::vector<BadHandler> table = {
      {"no type", [](Registration& r) { r.type = ""; }, {"without a type"}},
      {"bad spelling", [](Registration& r) { r.type = "a b"; }, {"type", "'a b'", "[A-Za-z0-9_.:/-]"}},
      {"overlong type", [](Registration& r) { r.type = std::string(129, 'x'); }, {"129 bytes", "128"}},
      {"empty function", [](Registration& r) { r.options.handler = nullptr; }, {"'t'", "function is empty"}},
      {"timeout",
       [](Registration& r) { r.options.options.timeout = absl::ZeroDuration(); },
       {"'t'", "timeout is 0", "1ms"}},
      {"endless timeout",
       [](Registration& r) { r.options.options.timeout = absl::InfiniteDuration(); },
       {"timeout is inf"}},
      {"priority", [](Registration& r) { r.options.options.priority = 21; }, {"priority is 21", "-20 to 20"}},
      {"retries", [](Registration& r) { r.options.options.max_retries = 0; }, {"max_retries is 0", "1 to 1000"}},
      {"interval",
       [](Registration& r) { r.options.options.retry_interval = -absl::Seconds(1); },
       {"retry_interval is -1s"}},
      {"cap", [](Registration& r) { r.options.options.retry_interval_cap = absl::Hours(721); }, {"retry_interval_cap"}},
      {"jitter", [](Registration& r) { r.options.options.retry_jitter = 1.5; }, {"retry_jitter is 1.5"}},
      {"progress",
       [](Registration& r) { r.options.options.progress_timeout = absl::Microseconds(1); },
       {"progress_timeout is 1us", "allowed are 0 (none) or 1ms to 720h"}},
      {"capability",
       [](Registration& r) { r.options.options.required_capabilities = {{"G PU"}}; },
       {"required_capabilities", "'G PU'"}},
      {"capability twice",
       [](Registration& r) {
         r.options.options.required_capabilities = {{"A", "A"}};
       },
       {"'A' twice"}},
      {"description",
       [](Registration& r) { r.options.description = std::string(1025, 'x'); },
       {"description has 1025", "1024"}},
      {"concurrency",
       [](Registration& r) { r.options.max_concurrency = 0; },
       {"'t'", "max_concurrency is 0", "1 to 10000"}},
      {"too much concurrency",
       [](Registration& r) { r.options.max_concurrency = 10'001; },
       {"max_concurrency is 10001"}},
      {"description not UTF-8", [](Registration& r) { r.options.description = "\xFF"; }, {"description is not UTF-8"}},
  };
  EXPECT_TRUE(ValidateRegistration(Registration("t", Good())).ok());
  for (const BadHandler& row : table) {
    Registration registration("t", Good());
    row.spoil(registration);
    const absl::Status status = ValidateRegistration(registration);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.what << ": " << status;
    for (const std::string& text : row.said) EXPECT_THAT(std::string(status.message()), HasSubstr(text)) << row.what;
  }
}

TEST(ValidateTest, TakesTheEdgesOfRanges) {
  for (const TaskOptions& options :
       {TaskOptions{.priority = -20}, TaskOptions{.priority = 20}, TaskOptions{.timeout = absl::Milliseconds(1)},
        TaskOptions{.timeout = absl::Hours(720)}, TaskOptions{.max_retries = 1000}, TaskOptions{.retry_jitter = 1.0},
        TaskOptions{.progress_timeout = absl::ZeroDuration()}, TaskOptions{.progress_timeout = absl::Milliseconds(1)},
        TaskOptions{.required_capabilities = std::vector<std::string>()}}) {
    EXPECT_TRUE(ValidateTaskOptions("x", options).ok());
  }
}

TEST(ValidateTest, RefusesBadWorkerOptions) {  // B263
  const struct {
    WorkerOptions options;
    const char* said;
  } table[] = {
      {{.max_concurrency = 0}, "max_concurrency is 0"},
      {{.max_concurrency = 10'001}, "max_concurrency is 10001"},
      {{.prefetch = -1}, "prefetch is -1"},
      {{.max_concurrency = 6'000, .prefetch = 6'000}, "12000 together"},
      {{.capabilities = {"GPU", "GPU"}}, "'GPU' twice"},
      {{.capabilities = std::vector<std::string>(65, "x")}, "65 names"},
      {{.retry = {.max_attempts = 0}}, "retry.max_attempts is 0"},
      {{.retry = {.jitter = -0.1}}, "retry.jitter is -0.1"},
  };
  EXPECT_TRUE(ValidateWorkerOptions({}).ok());
  for (const auto& row : table) {
    const absl::Status status = ValidateWorkerOptions(row.options);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << row.said;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.said));
  }
}

TEST(ValidateTest, RefusesBadIdentities) {  // B171
  const struct {
    WorkerIdentity identity;
    const char* said;
  } table[] = {
      {{.worker_id = "a b"}, "worker_id is 'a b'"},
      {{.worker_id = "w", .pod_id = "p q"}, "pod_id is 'p q'"},
      {{.worker_id = "w", .drain_deadline = -absl::Seconds(1)}, "drain_deadline"},
      {{.worker_id = "w", .max_lost_slots = 5}, "max_lost_slots is 5"},
      {{.worker_id = "w", .log = nullptr}, "log is empty"},
  };
  EXPECT_TRUE(ValidateIdentity({.worker_id = "w"}, 4).ok());
  for (const auto& row : table) {
    EXPECT_THAT(std::string(ValidateIdentity(row.identity, 4).message()), HasSubstr(row.said));
  }
}

TEST(ValidateTest, ChecksCheckpoints) {  // B211, B256, S7
  const absl::StatusOr<v1::Checkpoint> good = MakeCheckpoint(" loaded ", "rows", R"({"n": 1})");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->code(), "loaded");
  const struct {
    std::string code, message, metadata;
    const char* said;
  } table[] = {
      {"  ", "", "", "code is empty"},
      {std::string(129, 'c'), "", "", "code has 129"},
      {"c", std::string(1025, 'm'), "", "message has 1025"},
      {"c", "", "[1]", "not a well-formed JSON object"},
      {"c", "", "{" + std::string(65'536, ' ') + "}", "metadata_json has 65538"},
      {"c\xFF", "", "", "code is not UTF-8"},
  };
  for (const auto& row : table) {
    EXPECT_THAT(std::string(MakeCheckpoint(row.code, row.message, row.metadata).status().message()),
                HasSubstr(row.said));
  }
}

TEST(ValidateTest, ChecksProgress) {  // B214, B256, S7
  EXPECT_TRUE(MakeProgress({.percent = 100, .text = "done"}).ok());
  EXPECT_TRUE(MakeProgress({.stage_name = "load"}).ok());
  for (const ProgressReport& bad :
       {ProgressReport{.percent = 100.5}, ProgressReport{.percent = -1}, ProgressReport{.percent = std::stod("nan")},
        ProgressReport{.text = std::string(1025, 'x')}, ProgressReport{.stage_name = std::string(129, 'x')},
        ProgressReport{.text = "a", .metadata_json = "1"}, ProgressReport{}, ProgressReport{.text = " "},
        ProgressReport{.metadata_json = "{}"}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(MakeProgress(bad).status())) << bad.text.size();
  }
}

}  // namespace
}  // namespace internal
}  // namespace baton::inline sdk
