// The trace context from a program that submits to the handlers that work for it, with the library on both sides.
#include "absl/strings/str_cat.h"
// First of the two sides, see there.
#include "tests/integration/sdk/reload_fixture.h"
// After it, and by itself.
#include <baton/client.h>

namespace baton {
namespace {

using ::testing::HasSubstr;

constexpr char kTraceParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
// The same trace, and a span that a handler has made in it.
constexpr char kSpan[] = "00-0af7651916cd43dd8448eb211c80319c-00000000000000aa-01";

class TraceHandlerTest : public ReloadTest {
 protected:
  // By the library, with a trace context; the task as it ended.
  sdk::TaskInfo RunTraced(const std::string& type) {
    sdk::ClientOptions options;
    options.broker = broker().address();
    options.log = [](sdk::LogLevel, const std::string&) {};
    sdk::Client client(std::move(options));
    const absl::StatusOr<sdk::Submitted> task =
        client.Submit({.type = type, .trace_parent = kTraceParent, .trace_state = "rojo=1"});
    EXPECT_TRUE(task.ok()) << task.status();
    if (!task.ok()) return {};
    const absl::StatusOr<sdk::TaskInfo> end = client.Wait(task->id, absl::Seconds(20));
    EXPECT_TRUE(end.ok()) << end.status();
    return end.value_or(sdk::TaskInfo());
  }
  static sdk::HandlerFunction TellingIts() {
    return [](sdk::Task& task) { return absl::StrCat(task.trace_parent(), " ", task.trace_state()); };
  }
};

TEST_F(TraceHandlerTest, AHandlerReadsWhatWasSubmitted) {
  Use("work", TellingIts());
  Run();
  const sdk::TaskInfo end = RunTraced("work");
  EXPECT_EQ(end.result.bytes(), absl::StrCat(kTraceParent, " rojo=1"));
  EXPECT_EQ(end.trace_parent, kTraceParent);
  EXPECT_EQ(end.trace_state, "rojo=1");
  EXPECT_EQ(ResultOf(Submit("work")), " ") << "nobody traces this one";
}

TEST_F(TraceHandlerTest, ChildrenGoOnWithItOrWithASpanBelow) {
  Use("child", TellingIts());
  Use("parent", [](sdk::Task& task) -> sdk::Outcome {
    if (task.stage() == 0) return task.Next({{.type = "child"}, {.type = "child", .trace_parent = kSpan}});
    std::string seen = task.trace_parent();
    for (const sdk::ChildOutcome& child : task.Children()) absl::StrAppend(&seen, ", ", child.result.bytes());
    return seen;
  });
  Run();
  EXPECT_EQ(RunTraced("parent").result.bytes(),
            absl::StrCat(kTraceParent, ", ", kTraceParent, " rojo=1, ", kSpan, " "));
}

TEST_F(TraceHandlerTest, AMalformedOneOfAChildFailsItsParent) {
  Use("parent", [](sdk::Task& task) -> sdk::Outcome {
    return task.Next({{.type = "child"}, {.type = "child", .trace_parent = "00-abc"}});
  });
  Run();
  const sdk::TaskInfo end = RunTraced("parent");
  EXPECT_EQ(end.state, sdk::TaskState::kPermanentlyFailed);
  EXPECT_THAT(end.last_error, HasSubstr("children[1].trace_parent is '00-abc'"));
}

}  // namespace
}  // namespace baton
