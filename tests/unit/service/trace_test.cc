// W3C Trace Context: what is taken, and what is made of what is not.
#include "broker/service/trace.h"

#include "tests/unit/service/decoding_fixture.h"

namespace baton::service {
namespace {

// The example of the standard.
constexpr char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr char kState[] = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

TEST(ReadTraceParent, TakesVersion00AsItIs) {
  for (const char* good : {kParent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
                           "00-00000000000000000000000000000001-0000000000000001-ff"}) {
    EXPECT_EQ(ReadTraceParent(good), good);
  }
}

TEST(ReadTraceParent, TakesOfALaterVersionWhatItKnows) {
  for (const char* later : {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "fe-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what the future will be like"}) {
    EXPECT_EQ(ReadTraceParent(later), kParent) << later;
  }
}

TEST(ReadTraceParent, TakesNothingElse) {
  for (const char* bad : {
           "",
           "00",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
           "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
           "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-B7AD6B7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0A",
           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
           "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
           " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
       }) {
    EXPECT_FALSE(ReadTraceParent(bad).has_value()) << bad;
  }
}

TEST(IsTraceState, IsShortAndPrintable) {
  EXPECT_TRUE(IsTraceState(""));
  EXPECT_TRUE(IsTraceState(kState));
  EXPECT_TRUE(IsTraceState(std::string(512, 's')));
  for (const std::string& bad :
       {std::string(513, 's'), std::string("a=\n"), std::string("a=\x7f"), std::string("a=ü"), std::string("a\0", 2)}) {
    EXPECT_FALSE(IsTraceState(bad)) << bad;
  }
}

class DecodeTraceTest : public DecodingTest {
 protected:
  // What a task with these fields is refused for; otherwise `trace_` is set.
  Error Decode(const std::string& parent, const std::string& state) {
    v1::NewTask task;
    task.set_trace_parent(parent);
    task.set_trace_state(state);
    trace_.reset();
    return DecodeTrace(Field("tasks", 0), task, &trace_);
  }

  std::shared_ptr<const engine::TraceContext> trace_;
};

TEST_F(DecodeTraceTest, TakesBothOrTheParentOrNeither) {
  ASSERT_THAT(Decode(kParent, kState), IsOk());
  EXPECT_EQ(trace_->parent, kParent);
  EXPECT_EQ(trace_->state, kState);
  ASSERT_THAT(Decode(kParent, ""), IsOk());
  EXPECT_EQ(trace_->parent, kParent);
  EXPECT_EQ(trace_->state, "");
  ASSERT_THAT(Decode("", ""), IsOk());
  EXPECT_EQ(trace_, nullptr);
}

TEST_F(DecodeTraceTest, RefusesTheRestByFieldAndValue) {
  EXPECT_THAT(Decode("00-abc", ""), Refuses("BAD_TRACE_CONTEXT", "tasks[0].trace_parent is '00-abc'"));
  EXPECT_THAT(Decode("00-abc", kState), Refuses("BAD_TRACE_CONTEXT", "tasks[0].trace_parent"));
  EXPECT_THAT(Decode("", kState), Refuses("FIELD_REQUIRED", "tasks[0].trace_state is set without trace_parent"));
  EXPECT_THAT(Decode(kParent, std::string(513, 's')), Refuses("FIELD_TOO_LONG", "tasks[0].trace_state has 513"));
  EXPECT_THAT(Decode(kParent, "a=\x01"), Refuses("BAD_TRACE_CONTEXT", "tasks[0].trace_state is 'a=\\x01'"));
}

TEST(TraceOfCall, HasWhatTheHeadersSay) {
  const auto trace = TraceOfCall({kParent}, {"rojo=1", "congo=2"});
  ASSERT_NE(trace, nullptr);
  EXPECT_EQ(trace->parent, kParent);
  EXPECT_EQ(trace->state, "rojo=1,congo=2");
  EXPECT_EQ(TraceOfCall({kParent}, {})->state, "");
}

TEST(TraceOfCall, IgnoresWhatIsMalformed) {
  EXPECT_EQ(TraceOfCall({}, {}), nullptr);
  EXPECT_EQ(TraceOfCall({}, {kState}), nullptr);
  EXPECT_EQ(TraceOfCall({"00-abc"}, {kState}), nullptr);
  EXPECT_EQ(TraceOfCall({kParent, kParent}, {}), nullptr);
  const std::string overlong(513, 's');
  EXPECT_EQ(TraceOfCall({kParent}, {overlong})->state, "");
  EXPECT_EQ(TraceOfCall({kParent}, {"a=\t"})->parent, kParent);
}

}  // namespace
}  // namespace baton::service
