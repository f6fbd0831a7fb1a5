#include "broker/server/logging.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace baton::server {
namespace {

TEST(JsonLogLineTest, IsAnObjectOnALineOfItsOwn) {
  EXPECT_EQ(JsonLogLine(1'769'851'800'000'001, "info", "stopped"),
            "{\"time\":\"2026-01-31T09:30:00.000001Z\",\"level\":\"info\",\"message\":\"stopped\"}\n");
}

TEST(JsonLogLineTest, WhateverAMessageHoldsStaysOnTheLine) {
  const std::string nasty = "a \"b\"\nc\\d\x01\xff e";
  const std::string line = JsonLogLine(0, "warning", nasty);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(line)["message"], "a \"b\"\nc\\d\x01\xEF\xBF\xBD e");
}

}  // namespace
}  // namespace baton::server
