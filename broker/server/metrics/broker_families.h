// Metrics of the broker itself: its workers, its engine, its store, its calls, its process.
#ifndef BATON_BROKER_SERVER_METRICS_BROKER_FAMILIES_H_
#define BATON_BROKER_SERVER_METRICS_BROKER_FAMILIES_H_

#include <string>

#include "broker/engine/routing.h"
#include "broker/engine/run/meters.h"
#include "broker/server/meters.h"
#include "broker/server/metrics/families.h"
#include "broker/storage/store.h"

namespace baton::server {

void AddWorkerFamilies(const engine::Routing& routing, Families* families);
void AddEngineFamilies(const engine::PartitionMeters& meters, Families* families);
void AddStoreFamilies(const storage::Store& store, Families* families);
void AddServerFamilies(const ServerMeters& meters, Families* families);
void AddBuildFamily(const std::string& version, Families* families);
// As every Prometheus client has them, by the same names. What the system does not tell is left out.
void AddProcessFamilies(Families* families);

}  // namespace baton::server

#endif  // BATON_BROKER_SERVER_METRICS_BROKER_FAMILIES_H_
