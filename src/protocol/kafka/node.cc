#include "protocol/kafka/node.h"

namespace leat::kafka {

std::string cluster_id_text(const Uuid& cluster) {
  // Base64 with the URL alphabet, without padding: 22 characters, as Kafka's tools print it.
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const std::uint8_t byte : cluster.bytes) {
    bits = bits << 8 | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kAlphabet[(bits >> count) & 63];
    }
  }
  text += kAlphabet[(bits << (6 - count)) & 63];
  return text;
}

}  // namespace leat::kafka
