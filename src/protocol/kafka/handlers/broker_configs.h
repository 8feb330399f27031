#pragma once

#include <string>
#include <vector>

#include "catalog/topic_config.h"
#include "protocol/kafka/request.h"

namespace leat::kafka {

// A setting of the server under Kafka's name for it. Clients may read it; it is changed where the server was configured.
struct BrokerConfig {
  std::string name;
  std::string value;
  catalog::ConfigType type;
  std::vector<catalog::ConfigSynonym> synonyms;  // the first is in force
  std::string documentation;
};

// In name order: what the server was told about Kafka's protocol, and what topics start from.
[[nodiscard]] std::vector<BrokerConfig> broker_configs(const Request& request);

}  // namespace leat::kafka
