#include "broker/service/wire.h"

#include <gtest/gtest.h>

#include "baton/records/v1/records.pb.h"

namespace baton::service {
namespace {

TEST(WireWriter, WritesWhatProtobufReads) {
  records::v1::Payload payload;
  payload.set_data(std::string(300, 'x'));
  std::string row;
  WireWriter writer(&row);
  writer.Message(1, payload);
  writer.Bytes(2, "a tag");
  writer.Bytes(4, "");
  writer.Signed(11, 0);
  writer.Signed(12, -5);
  writer.Varint(14, uint64_t{1} << 63);
  records::v1::TaskRow parsed;
  ASSERT_TRUE(parsed.ParseFromString(row));
  EXPECT_EQ(parsed.payload().data(), payload.data());
  EXPECT_EQ(parsed.tag(), "a tag");
  EXPECT_EQ(parsed.due_us(), -5);
  EXPECT_EQ(parsed.parent(), uint64_t{1} << 63);
}

TEST(WireWriter, KeepsAnEmptyMemberOfAOneof) {  // B13
  records::v1::Payload payload;
  payload.set_json("");
  std::string row;
  WireWriter(&row).Message(1, payload);
  records::v1::TaskRow parsed;
  ASSERT_TRUE(parsed.ParseFromString(row));
  EXPECT_TRUE(parsed.payload().has_json());
}

TEST(WireReader, FindsFieldsAmongAllWireTypes) {
  records::v1::Progress progress;
  progress.set_text("half");
  progress.set_percent(50);  // A fixed 64-bit field.
  progress.set_at_us(-1);    // The longest varint.
  const std::string bytes = progress.SerializeAsString();
  EXPECT_EQ(FindBytes(bytes, 1), "half");
  EXPECT_EQ(FindBytes(bytes, 3), "");
  EXPECT_EQ(FindBytes(bytes, 4), "");
}

// Found by a fuzzer: the bits above made it another field than the one protobuf reads.
TEST(WireReader, ATagHas32Bits) {
  const absl::string_view text_2_with_a_bit_above("\x92\x80\x80\x80\x10\x02hi", 8);
  EXPECT_EQ(FindBytes(text_2_with_a_bit_above, 2), "hi");
}

TEST(WireReader, TheLastOfARepeatedFieldCounts) {
  std::string bytes;
  WireWriter writer(&bytes);
  writer.Bytes(2, "old");
  writer.Bytes(2, "new");
  EXPECT_EQ(FindBytes(bytes, 2), "new");
}

TEST(WireReader, EndsAtDamagedBytes) {
  std::string bytes;
  WireWriter(&bytes).Bytes(2, "a longer value");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(FindBytes(absl::string_view(bytes).substr(0, size), 2), "") << size;
  }
  EXPECT_EQ(FindBytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 2), "");
  EXPECT_EQ(FindBytes("\x0b", 1), "") << "a group, which proto3 does not have";
}

}  // namespace
}  // namespace baton::service
