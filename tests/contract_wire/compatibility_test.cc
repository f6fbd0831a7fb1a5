// The check of the contract, checked: every kind of break is found and named, and additions pass.

#include "tests/contract_wire/compatibility.h"

#include <functional>

#include <google/protobuf/text_format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace baton {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::TextFormat;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

constexpr char kContract[] = R"pb(
  file {
    name: "shop.proto"
    package: "shop"
    message_type {
      name: "Order"
      field { name: "id" number: 1 label: LABEL_OPTIONAL type: TYPE_UINT64 json_name: "id" }
      field { name: "lines" number: 2 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: ".shop.Order.Line" }
      field { name: "cash" number: 3 label: LABEL_OPTIONAL type: TYPE_BOOL oneof_index: 0 }
      field { name: "card" number: 4 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }
      field { name: "tip" number: 5 label: LABEL_OPTIONAL type: TYPE_INT32 oneof_index: 1 proto3_optional: true }
      nested_type {
        name: "Line"
        field { name: "text" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
        enum_type {
          name: "Kind"
          value { name: "KIND_UNSPECIFIED" number: 0 }
        }
      }
      oneof_decl { name: "payment" }
      oneof_decl { name: "_tip" }
      reserved_range { start: 8 end: 10 }
      reserved_name: "coupon"
    }
    message_type { name: "Receipt" }
    enum_type {
      name: "Size"
      value { name: "SIZE_UNSPECIFIED" number: 0 }
      value { name: "SIZE_SMALL" number: 1 }
      reserved_range { start: 5 end: 6 }
      reserved_name: "SIZE_HUGE"
    }
    service {
      name: "Shop"
      method { name: "Buy" input_type: ".shop.Order" output_type: ".shop.Receipt" }
      method { name: "Watch" input_type: ".shop.Order" output_type: ".shop.Receipt" server_streaming: true }
    }
  }
)pb";

FileDescriptorSet Contract() {
  FileDescriptorSet contract;
  EXPECT_TRUE(TextFormat::ParseFromString(kContract, &contract));
  return contract;
}

struct Change {
  std::string name;
  std::function<void(FileDescriptorProto&)> make;
  // What the check says; empty for an allowed change.
  std::vector<std::string> findings;
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

DescriptorProto& Order(FileDescriptorProto& file) { return *file.mutable_message_type(0); }
FieldDescriptorProto& Field(FileDescriptorProto& file, int index) { return *Order(file).mutable_field(index); }

class BreakingChange : public ::testing::TestWithParam<Change> {};

TEST_P(BreakingChange, IsFoundAndNamed) {
  const FileDescriptorSet pinned = Contract();
  FileDescriptorSet current = pinned;
  GetParam().make(*current.mutable_file(0));
  EXPECT_THAT(FindBreakingChanges(pinned, current), ElementsAreArray(GetParam().findings));
}

const Change kFieldChanges[] = {
    {"Removed",
     [](auto& file) { Order(file).mutable_field()->DeleteSubrange(0, 1); },
     {"shop.Order.id (number 1): removed"}},
    {"RemovedAndReserved",
     [](auto& file) {
       Order(file).mutable_field()->DeleteSubrange(0, 1);
       Order(file).add_reserved_name("id");
     },
     {"shop.Order.id (number 1): removed"}},
    {"Renumbered", [](auto& file) { Field(file, 0).set_number(7); }, {"shop.Order.id: number was 1, is 7"}},
    {"Renamed", [](auto& file) { Field(file, 0).set_name("key"); }, {"shop.Order.id (number 1): name was id, is key"}},
    {"NumberReused",
     [](auto& file) {
       Field(file, 0).set_name("customer");
       Field(file, 0).set_type(FieldDescriptorProto::TYPE_STRING);
     },
     {"shop.Order.id (number 1): name was id, is customer",
      "shop.Order.id (number 1): type was TYPE_UINT64, is TYPE_STRING"}},
    {"Swapped",
     [](auto& file) {
       Field(file, 2).set_number(4);
       Field(file, 3).set_number(3);
     },
     {"shop.Order.cash: number was 3, is 4", "shop.Order.cash (number 3): name was cash, is card",
      "shop.Order.cash (number 3): type was TYPE_BOOL, is TYPE_STRING", "shop.Order.card: number was 4, is 3",
      "shop.Order.card (number 4): name was card, is cash",
      "shop.Order.card (number 4): type was TYPE_STRING, is TYPE_BOOL"}},
    {"RetypedCompatibly",
     [](auto& file) { Field(file, 0).set_type(FieldDescriptorProto::TYPE_INT64); },
     {"shop.Order.id (number 1): type was TYPE_UINT64, is TYPE_INT64"}},
    {"OtherMessage",
     [](auto& file) { Field(file, 1).set_type_name(".shop.Receipt"); },
     {"shop.Order.lines (number 2): type was .shop.Order.Line, is .shop.Receipt"}},
    {"RepeatedMadeSingular",
     [](auto& file) { Field(file, 1).set_label(FieldDescriptorProto::LABEL_OPTIONAL); },
     {"shop.Order.lines (number 2): cardinality was LABEL_REPEATED, is LABEL_OPTIONAL"}},
    {"TakenOutOfItsOneof",
     [](auto& file) { Field(file, 2).clear_oneof_index(); },
     {"shop.Order.cash (number 3): oneof was payment, is none"}},
    {"PutIntoAOneof",
     [](auto& file) { Field(file, 0).set_oneof_index(0); },
     {"shop.Order.id (number 1): oneof was none, is payment"}},
    {"PresenceLost",
     [](auto& file) {
       Field(file, 4).clear_oneof_index();
       Field(file, 4).clear_proto3_optional();
     },
     {"shop.Order.tip (number 5): oneof was none, with presence, is none"}},
    {"OtherJsonName",
     [](auto& file) { Field(file, 0).set_json_name("ID"); },
     {"shop.Order.id (number 1): JSON name was id, is ID"}},
    {"NestedFieldRetyped",
     [](auto& file) {
       Order(file).mutable_nested_type(0)->mutable_field(0)->set_type(FieldDescriptorProto::TYPE_BYTES);
     },
     {"shop.Order.Line.text (number 1): type was TYPE_STRING, is TYPE_BYTES"}},
    {"ReservedNumberFreed",
     [](auto& file) { Order(file).mutable_reserved_range(0)->set_end(9); },
     {"shop.Order: numbers 8 to 9 are no longer reserved"}},
    {"ReservedNameFreed",
     [](auto& file) { Order(file).clear_reserved_name(); },
     {"shop.Order: name coupon is no longer reserved"}},
};

const Change kOtherChanges[] = {
    {"MessageRemoved",
     [](auto& file) { file.mutable_message_type()->RemoveLast(); },
     {"shop.Receipt: message removed"}},
    {"NestedMessageRemoved",
     [](auto& file) { Order(file).clear_nested_type(); },
     {"shop.Order.Line: message removed", "shop.Order.Line.Kind: enum removed"}},
    {"PackageRenamed",
     [](auto& file) { file.set_package("store"); },
     {"shop.Order: message removed", "shop.Order.Line: message removed", "shop.Receipt: message removed",
      "shop.Order.Line.Kind: enum removed", "shop.Size: enum removed", "shop.Shop: service removed"}},
    {"EnumRemoved", [](auto& file) { file.clear_enum_type(); }, {"shop.Size: enum removed"}},
    {"ValueRemoved",
     [](auto& file) { file.mutable_enum_type(0)->mutable_value()->RemoveLast(); },
     {"shop.Size.SIZE_SMALL (number 1): removed"}},
    {"ValueRenumbered",
     [](auto& file) { file.mutable_enum_type(0)->mutable_value(1)->set_number(2); },
     {"shop.Size.SIZE_SMALL: number was 1, is 2"}},
    {"ValueRenamed",
     [](auto& file) { file.mutable_enum_type(0)->mutable_value(1)->set_name("SIZE_LITTLE"); },
     {"shop.Size.SIZE_SMALL (number 1): name was SIZE_SMALL, is SIZE_LITTLE"}},
    {"ReservedValueFreed",
     [](auto& file) { file.mutable_enum_type(0)->mutable_reserved_range(0)->set_end(5); },
     {"shop.Size: numbers 5 to 6 are no longer reserved"}},
    {"ReservedValueNameFreed",
     [](auto& file) { file.mutable_enum_type(0)->clear_reserved_name(); },
     {"shop.Size: name SIZE_HUGE is no longer reserved"}},
    {"ServiceRemoved", [](auto& file) { file.clear_service(); }, {"shop.Shop: service removed"}},
    {"MethodRemoved",
     [](auto& file) { file.mutable_service(0)->mutable_method()->RemoveLast(); },
     {"shop.Shop.Watch: removed"}},
    {"MethodRenamed",
     [](auto& file) { file.mutable_service(0)->mutable_method(0)->set_name("Purchase"); },
     {"shop.Shop.Buy: removed"}},
    {"RequestChanged",
     [](auto& file) { file.mutable_service(0)->mutable_method(0)->set_input_type(".shop.Receipt"); },
     {"shop.Shop.Buy: request was .shop.Order, is .shop.Receipt"}},
    {"ResponseChanged",
     [](auto& file) { file.mutable_service(0)->mutable_method(0)->set_output_type(".shop.Order"); },
     {"shop.Shop.Buy: response was .shop.Receipt, is .shop.Order"}},
    {"RequestMadeAStream",
     [](auto& file) { file.mutable_service(0)->mutable_method(0)->set_client_streaming(true); },
     {"shop.Shop.Buy: request was .shop.Order, is stream of .shop.Order"}},
    {"ResponseMadeSingle",
     [](auto& file) { file.mutable_service(0)->mutable_method(1)->clear_server_streaming(); },
     {"shop.Shop.Watch: response was stream of .shop.Receipt, is .shop.Receipt"}},
};

std::string NameOf(const ::testing::TestParamInfo<Change>& change) { return change.param.name; }

INSTANTIATE_TEST_SUITE_P(Fields, BreakingChange, ::testing::ValuesIn(kFieldChanges), NameOf);
INSTANTIATE_TEST_SUITE_P(Others, BreakingChange, ::testing::ValuesIn(kOtherChanges), NameOf);

constexpr char kAdditions[] = R"pb(
  file {
    name: "shop.proto"
    package: "shop"
    message_type {
      name: "Order"
      field { name: "note" number: 6 label: LABEL_OPTIONAL type: TYPE_STRING }
      field { name: "voucher" number: 7 label: LABEL_OPTIONAL type: TYPE_STRING oneof_index: 0 }
      reserved_range { start: 20 end: 30 }
    }
    message_type { name: "Refund" }
    enum_type {
      name: "Size"
      value { name: "SIZE_LARGE" number: 2 }
    }
    enum_type {
      name: "Colour"
      value { name: "COLOUR_UNSPECIFIED" number: 0 }
    }
    service {
      name: "Shop"
      method { name: "Return" input_type: ".shop.Order" output_type: ".shop.Refund" }
    }
    service { name: "Bank" }
  }
)pb";

// Joins the additions into the elements of the same name, as an edit of the protos would.
FileDescriptorSet ContractWithAdditions() {
  FileDescriptorSet contract = Contract();
  FileDescriptorSet added;
  EXPECT_TRUE(TextFormat::ParseFromString(kAdditions, &added));
  FileDescriptorProto& file = *contract.mutable_file(0);
  const FileDescriptorProto& additions = added.file(0);
  file.mutable_message_type(0)->MergeFrom(additions.message_type(0));
  *file.add_message_type() = additions.message_type(1);
  file.mutable_enum_type(0)->MergeFrom(additions.enum_type(0));
  *file.add_enum_type() = additions.enum_type(1);
  file.mutable_service(0)->MergeFrom(additions.service(0));
  *file.add_service() = additions.service(1);
  return contract;
}

TEST(CompatibilityTest, SameContractHasNoFindings) {
  EXPECT_THAT(FindBreakingChanges(Contract(), Contract()), IsEmpty());
  EXPECT_THAT(FindAdditions(Contract(), Contract()), IsEmpty());
}

TEST(CompatibilityTest, AdditionsAreAllowedAndListed) {
  EXPECT_THAT(FindBreakingChanges(Contract(), ContractWithAdditions()), IsEmpty());
  EXPECT_THAT(FindAdditions(Contract(), ContractWithAdditions()),
              ElementsAre("shop.Bank", "shop.Colour", "shop.Colour.COLOUR_UNSPECIFIED", "shop.Order.note",
                          "shop.Order.voucher", "shop.Refund", "shop.Shop.Return", "shop.Size.SIZE_LARGE"));
}

TEST(CompatibilityTest, RemovalIsNoAddition) {
  EXPECT_THAT(FindAdditions(ContractWithAdditions(), Contract()), IsEmpty());
}

TEST(CompatibilityTest, OrderAndFileOfElementsDoNotMatter) {
  FileDescriptorSet moved = Contract();
  FileDescriptorProto& file = *moved.mutable_file(0);
  FileDescriptorProto& other = *moved.add_file();
  other.set_name("receipt.proto");
  other.set_package("shop");
  *other.add_message_type() = file.message_type(1);
  file.mutable_message_type()->RemoveLast();
  Order(file).mutable_field()->SwapElements(0, 3);
  EXPECT_THAT(FindBreakingChanges(Contract(), moved), IsEmpty());
}

}  // namespace
}  // namespace baton
