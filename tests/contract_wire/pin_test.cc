// The contract that was published is kept: what the protos say now, against the pinned descriptors.

#include <fcntl.h>

#include <fstream>
#include <memory>

#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/text_format.h>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/contract_wire/compatibility.h"

namespace baton {
namespace {

using google::protobuf::FileDescriptorSet;
using ::testing::IsEmpty;

// Without the files of protobuf itself, which are not ours to keep.
FileDescriptorSet OwnFiles(const FileDescriptorSet& all) {
  FileDescriptorSet own;
  for (const auto& file : all.file()) {
    if (absl::StartsWith(file.package(), "baton.")) *own.add_file() = file;
  }
  return own;
}

class PinTest : public ::testing::Test {
 protected:
  void SetUp() override {
    google::protobuf::io::FileInputStream pin(open(BATON_PIN, O_RDONLY | O_CLOEXEC));
    pin.SetCloseOnDelete(true);
    ASSERT_TRUE(google::protobuf::TextFormat::Parse(&pin, &pinned_)) << BATON_PIN << " is not a descriptor set";
    ASSERT_GT(pinned_.file_size(), 0) << BATON_PIN << " is empty";

    std::ifstream protoset(BATON_PROTOSET, std::ios::binary);
    FileDescriptorSet all;
    ASSERT_TRUE(all.ParseFromIstream(&protoset)) << BATON_PROTOSET << " cannot be read: build target baton_protoset";
    current_ = OwnFiles(all);
    ASSERT_GT(current_.file_size(), 0) << BATON_PROTOSET << " has no file of package baton";
  }

  FileDescriptorSet pinned_;
  FileDescriptorSet current_;
};

TEST_F(PinTest, NothingPublishedIsBroken) {
  const auto breaking = FindBreakingChanges(pinned_, current_);
  EXPECT_THAT(breaking, IsEmpty()) << "\nThese changes of proto/baton/v1 break programs that are in use:\n  "
                                   << absl::StrJoin(breaking, "\n  ")
                                   << "\n\nMake the change by addition: keep the old element, add the new one beside "
                                      "it, and reserve nothing that is "
                                      "in use.\nIf no program can be in use yet and the break is meant: "
                                      "tests/contract_wire/update-pin --allow-changes";
}

TEST_F(PinTest, NothingPublishedIsUnpinned) {
  const auto additions = FindAdditions(pinned_, current_);
  EXPECT_THAT(additions, IsEmpty())
      << "\nThese additions are compatible, but not protected against later changes before they are pinned:\n  "
      << absl::StrJoin(additions, "\n  ") << "\n\nIf they are meant to be published: tests/contract_wire/update-pin";
}

}  // namespace
}  // namespace baton
