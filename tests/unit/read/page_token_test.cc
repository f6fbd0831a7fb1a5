#include "broker/service/read/page_token.h"

#include "tests/unit/read/scene.h"

namespace baton::service::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

TEST(PageTokenTest, APositionComesBack) {  // B219
  const std::string token = EncodePageToken("list", {1, UINT64_MAX, 0});
  std::vector<uint64_t> position;
  ASSERT_TRUE(DecodePageToken("list", token, 3, &position).ok());
  EXPECT_THAT(position, ElementsAre(1u, UINT64_MAX, 0u));
}

TEST(PageTokenTest, WhatIsNotATokenOfTheListIsRefused) {  // B220
  const std::string token = EncodePageToken("list", {1});
  std::string changed = token;
  changed[0] = changed[0] == 'A' ? 'B' : 'A';
  for (const std::string& bad :
       {std::string("no token"), std::string("AAAA"), changed, token + "AAAA", token.substr(0, 8),
        EncodePageToken("other list", {1}), EncodePageToken("list", {1, 2})}) {
    std::vector<uint64_t> position;
    EXPECT_THAT(DecodePageToken("list", bad, 1, &position), ErrorIs(StatusCode::kInvalidArgument, "BAD_PAGE_TOKEN"))
        << bad;
  }
}

TEST(PageSizeTest, ZeroIsTheDefaultAndTheRangeIsChecked) {  // B220
  size_t size = 0;
  ASSERT_TRUE(ResolvePageSize(0, 100, 1000, &size).ok());
  EXPECT_EQ(size, 100u);
  ASSERT_TRUE(ResolvePageSize(1000, 100, 1000, &size).ok());
  EXPECT_EQ(size, 1000u);
  for (const int bad : {-1, 1001}) {
    EXPECT_THAT(ResolvePageSize(bad, 100, 1000, &size), ErrorIs(StatusCode::kInvalidArgument, "PAGE_SIZE")) << bad;
  }
}

}  // namespace
}  // namespace baton::service::testing
