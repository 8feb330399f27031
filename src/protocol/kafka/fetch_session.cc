#include "protocol/kafka/fetch_session.h"

#include "protocol/kafka/node.h"

namespace leat::kafka {
namespace {

using Key = std::tuple<std::string_view, Uuid, std::int32_t>;

Key key_of(const FetchPosition& position) { return {*position.name, position.topic_id, position.partition}; }

void take_wishes(FetchPosition& position, const FetchRequest::FetchPartition& wish) {
  position.current_leader_epoch = wish.current_leader_epoch;
  position.last_fetched_epoch = wish.last_fetched_epoch;
  position.fetch_offset = wish.fetch_offset;
  position.bytes_max = wish.partition_max_bytes;
}

FetchPosition new_position(std::shared_ptr<const std::string> name, const FetchRequest::FetchTopic& topic,
                           const FetchRequest::FetchPartition& wish) {
  FetchPosition position;
  position.name = std::move(name);
  position.topic_id = topic.topic_id;
  position.partition = wish.partition;
  take_wishes(position, wish);
  return position;
}

}  // namespace

FetchSession::FetchSession(KafkaShard& shard, std::int32_t id) : shard_(shard), id_(id) { ++shard_.fetch_sessions; }
FetchSession::~FetchSession() {
  --shard_.fetch_sessions;
  shard_.fetch_positions.release(positions_.size());
}

bool FetchSession::update(const FetchRequest& request) {
  std::map<Key, std::size_t> index;
  for (std::size_t i = 0; i < positions_.size(); ++i) index.emplace(key_of(positions_[i]), i);
  std::vector<FetchPosition> added;
  for (const auto& topic : request.topics) {
    const auto name = std::make_shared<const std::string>(topic.topic);
    for (const auto& wish : topic.partitions) {
      const auto [found, is_new] =
          index.emplace(Key(topic.topic, topic.topic_id, wish.partition), positions_.size() + added.size());
      if (!is_new) {
        const std::size_t at = found->second;
        take_wishes(at < positions_.size() ? positions_[at] : added[at - positions_.size()], wish);
      } else if (index.size() > kPartitionsMax) {
        return false;
      } else {
        added.push_back(new_position(name, topic, wish));
      }
    }
  }
  if (!shard_.fetch_positions.try_reserve(added.size())) return false;
  std::set<Key> forgotten;
  for (const auto& topic : request.forgotten_topics_data) {
    for (const std::int32_t partition : topic.partitions) forgotten.emplace(topic.topic, topic.topic_id, partition);
  }
  index.clear();  // its keys lie in the positions
  std::move(added.begin(), added.end(), std::back_inserter(positions_));
  if (!forgotten.empty())
    shard_.fetch_positions.release(
        std::erase_if(positions_, [&](const FetchPosition& position) { return forgotten.contains(key_of(position)); }));
  return true;
}

void FetchSession::rotate(const std::vector<bool>& served) {
  std::vector<FetchPosition> ordered;
  ordered.reserve(positions_.size());
  for (const bool pass : {false, true}) {
    for (std::size_t i = 0; i < positions_.size(); ++i) {
      if (served[i] == pass) ordered.push_back(std::move(positions_[i]));
    }
  }
  positions_ = std::move(ordered);
}

std::size_t count_partitions(const FetchRequest& request) {
  std::size_t count = 0;
  for (const auto& topic : request.topics) count += topic.partitions.size();
  return count;
}

std::vector<FetchPosition> positions_of(const FetchRequest& request) {
  std::vector<FetchPosition> positions;
  positions.reserve(count_partitions(request));
  for (const auto& topic : request.topics) {
    const auto name = std::make_shared<const std::string>(topic.topic);
    for (const auto& wish : topic.partitions) positions.push_back(new_position(name, topic, wish));
  }
  return positions;
}

}  // namespace leat::kafka
