// The standard services: health and reflection.
#include <google/protobuf/descriptor.pb.h>

#include "broker/server/health.pb.h"
#include "broker/server/reflection_v1.pb.h"
#include "tests/integration/broker_fixture.h"
#include "tests/integration/raw_call.h"

namespace baton {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

std::string HealthRequest(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request.SerializeAsString();
}

TEST_F(BrokerTest, HealthKnowsTheServices) {
  for (const char* service : {"", "baton.v1.TaskBroker", "baton.v1.TaskAdmin"}) {
    const RawAnswer answer = RawCall(channel(), "/grpc.health.v1.Health/Check", HealthRequest(service));
    ASSERT_EQ(answer.messages.size(), 1u) << answer.status.error_message();
    HealthCheckResponse response;
    ASSERT_TRUE(response.ParseFromString(answer.messages[0]));
    EXPECT_EQ(response.status(), HealthCheckResponse::SERVING) << service;
  }
  const RawAnswer unknown = RawCall(channel(), "/grpc.health.v1.Health/Check", HealthRequest("nobody"));
  EXPECT_THAT(unknown.status, FailsWith(grpc::StatusCode::NOT_FOUND, "SERVICE_UNKNOWN", "nobody"));
  const RawAnswer overlong =
      RawCall(channel(), "/grpc.health.v1.Health/Check", HealthRequest(std::string(16'000, 'x')));
  EXPECT_THAT(overlong.status, FailsWith(grpc::StatusCode::NOT_FOUND, "SERVICE_UNKNOWN", "xxx… [cut"));
}

TEST_F(BrokerTest, HealthCanBeWatched) {
  const RawAnswer known = RawCall(channel(), "/grpc.health.v1.Health/Watch", HealthRequest(""));
  ASSERT_EQ(known.messages.size(), 1u);
  HealthCheckResponse response;
  ASSERT_TRUE(response.ParseFromString(known.messages[0]));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  const RawAnswer unknown = RawCall(channel(), "/grpc.health.v1.Health/Watch", HealthRequest("nobody"));
  ASSERT_EQ(unknown.messages.size(), 1u);
  ASSERT_TRUE(response.ParseFromString(unknown.messages[0]));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
}

class ReflectionTest : public BrokerTest, public ::testing::WithParamInterface<const char*> {
 protected:
  ServerReflectionResponse Ask(const ServerReflectionRequest& request) {
    const RawAnswer answer = RawCall(channel(), GetParam(), request.SerializeAsString());
    ServerReflectionResponse response;
    EXPECT_TRUE(answer.messages.size() == 1 && response.ParseFromString(answer.messages[0]));
    return response;
  }
};

TEST_P(ReflectionTest, ListsTheServices) {
  ServerReflectionRequest request;
  request.set_list_services("*");
  const ServerReflectionResponse response = Ask(request);
  std::vector<std::string> names;
  for (const auto& service : response.list_services_response().service()) names.push_back(service.name());
  EXPECT_THAT(names, ::testing::IsSupersetOf({"baton.v1.TaskBroker", "baton.v1.TaskAdmin", "grpc.health.v1.Health"}));
}

TEST_P(ReflectionTest, GivesFilesWithAllTheyImport) {
  ServerReflectionRequest request;
  request.set_file_containing_symbol("baton.v1.TaskBroker");
  const auto response = Ask(request);
  std::vector<std::string> names;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(bytes));
    names.push_back(file.name());
  }
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names[0], "baton/v1/broker.proto");
  EXPECT_THAT(names, ::testing::IsSupersetOf({"baton/v1/task.proto", "baton/v1/error.proto"}));
  request.set_file_by_filename("baton/v1/admin.proto");
  EXPECT_TRUE(Ask(request).has_file_descriptor_response());
}

TEST_P(ReflectionTest, SaysWhatItDoesNotKnow) {
  ServerReflectionRequest request;
  request.set_file_containing_symbol("baton.v1.Nothing");
  EXPECT_EQ(Ask(request).error_response().error_code(), 5);
  EXPECT_EQ(Ask(ServerReflectionRequest()).error_response().error_code(), 3);
}

INSTANTIATE_TEST_SUITE_P(Versions, ReflectionTest,
                         ::testing::Values("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"));

}  // namespace
}  // namespace baton
