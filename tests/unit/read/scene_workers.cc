// Workers, and what is said of types.
#include "tests/unit/read/scene.h"

namespace baton::service::testing {

void Scene::Connect(const std::string& type, const engine::Capabilities& capabilities, uint32_t slots,
                    uint32_t slots_taken, bool at_limit) {
  const bool free = slots_taken < slots;
  routing_.groups.push_back(
      {capabilities, {{type, {}}}, 1, slots, slots_taken, free && !at_limit ? 1u : 0u, free && at_limit ? 1u : 0u});
  ++routing_.workers;
  routing_.slots += slots;
  routing_.slots_taken += slots_taken;
  partition_.board_.Publish(std::make_shared<const engine::Routing>(routing_));
}

void Scene::Limit(const std::string& type, uint32_t max_running, uint32_t running) {
  routing_.limits[type] = {max_running, running};
  partition_.board_.Publish(std::make_shared<const engine::Routing>(routing_));
}

void Scene::Register(const std::string& type, const engine::Options& options, const std::string& description) {
  records::v1::TypeRow row;
  *row.mutable_options() = engine::ToRecord(options);
  row.set_description(description);
  row.set_registered_us(now());
  PutRow(storage::Family::kMeta, engine::TypeMetaKey(type), row.SerializeAsString());
}

}  // namespace baton::service::testing
