// Values of settings, from text and to TOML.
#include "broker/server/setting_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "broker/server/settings.h"

namespace baton::server {
namespace {

using ::testing::HasSubstr;

// What is printed of these settings, read again; the test fails if it cannot be.
Settings ReadBack(const Settings& settings) {
  const std::string toml = SettingsToToml(settings, Comments::kYes);
  Settings read;
  const absl::Status status = ReadSettings(toml, "printed", &read);
  EXPECT_TRUE(status.ok()) << status << " in\n" << toml;
  return read;
}

TEST(SettingValueTest, AnyTextIsPrintedSoThatItIsReadBack) {
  for (const std::string text : {"/srv/d\xc3\xa4ten", "/srv/it's", "/srv/\"quoted\"\\", "/srv/tab\tline\nbell\a\x7f"}) {
    Settings settings;
    ASSERT_TRUE(SetSetting("server.data_dir", text, &settings).ok()) << text;
    EXPECT_EQ(ReadBack(settings).store.directory, text);
  }
}

TEST(SettingValueTest, TextThatIsNotUtf8IsRefused) {
  Settings settings;
  const absl::Status status = SetSetting("server.data_dir", "/srv/d\xe4ten", &settings);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("server.data_dir is '/srv/d\\xe4ten', which is not UTF-8"));
}

TEST(SettingValueTest, RatiosArePrintedExactly) {
  for (const double ratio : {0.0, 1.0, 0.2, 0.123456789012345, 1e-7, std::numeric_limits<double>::denorm_min()}) {
    Settings settings;
    settings.engine.defaults.exponential_jitter = ratio;
    EXPECT_EQ(ReadBack(settings).engine.defaults.exponential_jitter, ratio);
  }
}

TEST(SettingValueTest, RatiosInAFileAreReadExactly) {
  Settings settings;
  ASSERT_TRUE(ReadSettings("[defaults]\nexponential_jitter = 0.123456789\n", "f.toml", &settings).ok());
  EXPECT_EQ(settings.engine.defaults.exponential_jitter, 0.123456789);
}

TEST(SettingValueTest, WhatIsNoNumberIsNoDuration) {
  Settings settings;
  for (const char* text : {"nans", "nanms", "infs", "-infh", "1e300d"}) {
    const absl::Status status = SetSetting("workers.grace", text, &settings);
    EXPECT_THAT(std::string(status.message()), HasSubstr("which is not a duration")) << text;
  }
  EXPECT_THAT(std::string(SetSetting("limits.payload_bytes", "nanKiB", &settings).message()), HasSubstr("not a size"));
}

TEST(SettingValueTest, TheLargestNumberIsToldAsItIs) {
  Settings settings;
  EXPECT_THAT(std::string(SetSetting("limits.items", "9223372036854775807", &settings).message()),
              HasSubstr("limits.items is 9223372036854775807, allowed"));
}

TEST(SettingValueTest, DatesAreTextLikeAnyOther) {
  Settings settings;
  const absl::Status status = ReadSettings("[server]\nlog_level = 1979-05-27\n", "f.toml", &settings);
  EXPECT_THAT(std::string(status.message()), HasSubstr("server.log_level is '1979-05-27', allowed is"));
}

}  // namespace
}  // namespace baton::server
