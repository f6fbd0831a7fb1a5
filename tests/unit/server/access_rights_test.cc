// The table of rights against the contract and the documentation, and what is left out of answers.
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "baton/v1/access.pb.h"
#include "baton/v1/admin.pb.h"
#include "baton/v1/broker.pb.h"
#include "broker/server/access/redact.h"
#include "broker/server/access/rights_table.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"

namespace baton::server {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::ServiceDescriptor;
using ::testing::HasSubstr;

std::vector<const ServiceDescriptor*> AllServices() {
  return {v1::SubmitRequest::descriptor()->file()->service(0), v1::ListTasksRequest::descriptor()->file()->service(0),
          v1::CreateTokenRequest::descriptor()->file()->service(0)};
}

TEST(RightsTableTest, HasEachMethodOnce) {
  CheckRights(AllServices());
  std::set<std::string> seen;
  for (const Right& right : AllRights()) {
    EXPECT_TRUE(seen.insert(std::string(right.service) + "." + right.method).second) << right.method;
    EXPECT_EQ(right.GrantOf(Role::kOperate), Grant::kYes) << right.method;
    EXPECT_NE(right.GrantOf(Role::kObserve), Grant::kOwn) << right.method;
  }
}

TEST(RightsTableDeathTest, AMethodWithoutAnEntryStopsTheProcess) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("new.proto");
  file.set_package("baton.v1");
  file.add_message_type()->set_name("Nothing");
  google::protobuf::ServiceDescriptorProto* service = file.add_service();
  service->set_name("TaskAdmin");
  service->add_method()->set_name("Sudden");
  service->mutable_method(0)->set_input_type("Nothing");
  service->mutable_method(0)->set_output_type("Nothing");
  google::protobuf::DescriptorPool pool;
  const ServiceDescriptor* fresh = pool.BuildFile(file)->service(0);
  EXPECT_DEATH(RightOf(*fresh->method(0)), "baton.v1.TaskAdmin.Sudden is not in .*rights_table.cc");
  EXPECT_DEATH(CheckRights({AllServices()[0]}), "a method twice, or of no service");
}

TEST(RightsTableTest, IsDocumented) {
  std::ifstream file(BATON_DEPLOY_README);
  std::ostringstream readme;
  readme << file.rdbuf();
  EXPECT_THAT(readme.str(), HasSubstr(RightsAsText())) << "put the output of `batond --print-access` there";
}

// Fills every field, to some depth, with one value; texts with `text`.
void Fill(const std::string& text, int depth, Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message->GetDescriptor()->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      field->is_repeated() ? reflection.AddString(message, field, text) : reflection.SetString(message, field, text);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && depth > 0) {
      Fill(text, depth - 1,
           field->is_repeated() ? reflection.AddMessage(message, field) : reflection.MutableMessage(message, field));
    }
  }
}

// Paths of payloads with a value and of metadata within.
void FindOpen(const Message& message, const std::string& path, std::vector<std::string>* found) {
  if (const auto* payload = google::protobuf::DynamicCastToGenerated<v1::Payload>(&message)) {
    if (payload->value_case() != v1::Payload::VALUE_NOT_SET) found->push_back(path);
    return;
  }
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string name = path + "." + field->name();
    if (field->name() == "metadata_json") found->push_back(name);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      FindOpen(reflection.GetMessage(message, field), name, found);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      FindOpen(reflection.GetRepeatedMessage(message, field, i), name, found);
    }
  }
}

TEST(RedactTest, NoAnswerToAnObserverKeepsAPayload) {
  size_t with_payload = 0;
  for (const ServiceDescriptor* service : AllServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      if (RightOf(*service->method(i)).GrantOf(Role::kObserve) == Grant::kNo) continue;
      const auto* type = service->method(i)->output_type();
      std::unique_ptr<Message> response(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
      Fill("x", 5, response.get());
      std::vector<std::string> open;
      FindOpen(*response, type->name(), &open);
      with_payload += open.empty() ? 0 : 1;
      HidePayloads(response.get());
      open.clear();
      FindOpen(*response, type->name(), &open);
      EXPECT_THAT(open, ::testing::IsEmpty()) << type->name();
    }
  }
  // Get, Wait, ListTasks, Watch, ListEvents, GetWorkflowSummary, Explain, GetSchedule and ListSchedules.
  EXPECT_GE(with_payload, 9u);
}

TEST(RedactTest, ChildrenOfOtherTypesAreLeftOutOfAnExplanation) {
  Token token;
  token.role = Role::kObserve;
  token.types = service::TypePrefixes({"mail."});
  v1::ExplainResponse response;
  response.mutable_task()->set_type("mail.send");
  response.mutable_task()->set_children_remaining(3);
  for (const char* type : {"bank.pay", "mail.read", "bank.pay"}) response.add_unfinished_children()->set_type(type);
  response.mutable_unfinished_children(1)->mutable_progress()->set_metadata_json("{}");
  Redact(token, &response);
  EXPECT_EQ(response.task().type(), "mail.send");
  EXPECT_EQ(response.task().children_remaining(), 3u);
  ASSERT_EQ(response.unfinished_children_size(), 1);
  EXPECT_EQ(response.unfinished_children(0).type(), "mail.read");
  EXPECT_EQ(response.unfinished_children(0).progress().metadata_json(), "");
}

TEST(RedactTest, TotalsAreThoseOfAllowedTypes) {
  v1::GetStatisticsResponse response;
  for (const char* type : {"mail.send", "mail.read", "bank.pay"}) {
    v1::TypeStatistics& of_type = *response.add_types();
    of_type.set_type(type);
    of_type.mutable_counts()->set_pending(2);
    of_type.mutable_counts()->set_running(1);
    of_type.set_due(2);
    of_type.set_unservable(1);
    of_type.mutable_oldest_due()->set_seconds(response.types_size());
  }
  response.mutable_counts()->set_pending(6);
  response.set_workers(4);
  response.mutable_activity()->set_created_per_second(9);
  KeepAllowed(service::TypePrefixes({"mail."}), &response);
  EXPECT_EQ(response.types_size(), 2);
  EXPECT_EQ(response.counts().pending(), 4u);
  EXPECT_EQ(response.counts().running(), 2u);
  EXPECT_EQ(response.due(), 4u);
  EXPECT_EQ(response.unservable(), 2u);
  EXPECT_EQ(response.oldest_due().seconds(), 2);
  EXPECT_EQ(response.workers(), 0);
  EXPECT_FALSE(response.has_activity());
}

}  // namespace
}  // namespace baton::server
