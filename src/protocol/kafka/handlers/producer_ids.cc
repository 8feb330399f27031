#include "catalog/identity.h"
#include "protocol/kafka/handlers/handlers.h"
#include "runtime/call.h"

namespace leat::kafka {
namespace {

using security::Operation;

runtime::Task<Result<catalog::ProducerIdBlock>> allocate_block(stream::TopicService* topics) {
  co_return co_await catalog::allocate_producer_ids(topics->catalog());
}

// The next id of this shard's block; a new block when it is used up.
runtime::Task<Result<std::int64_t>> next_producer_id(KafkaShard& shard) {
  while (shard.next_producer_id >= shard.producer_ids_end) {
    LEAT_CO_TRY(const catalog::ProducerIdBlock block,
                co_await runtime::call_on(shard.node.topics_shard, allocate_block, &shard.node.topics));
    // Another request may have fetched a block meanwhile; this one's is then lost, which costs nothing.
    shard.next_producer_id = block.first.value();
    shard.producer_ids_end = block.first.value() + catalog::kProducerIdsPerBlock;
  }
  co_return shard.next_producer_id++;
}

}  // namespace

runtime::Task<InitProducerIdResponse> handle_init_producer_id(Request& request, InitProducerIdRequest message) {
  InitProducerIdResponse response;
  response.producer_id = -1;
  response.producer_epoch = -1;
  if (message.transactional_id) {
    // Transactions are not offered yet. This code is the one that every client takes as final.
    response.error_code = request.count(ErrorCode::kTransactionalIdAuthorizationFailed);
    co_return response;
  }
  // Who may write anywhere may do so idempotently (KIP-679).
  if (!request.allows_any(Operation::write, security::ResourceType::topic) &&
      !request.allows_cluster(Operation::idempotent_write)) {
    response.error_code = request.count(ErrorCode::kClusterAuthorizationFailed);
    co_return response;
  }
  // A producer without a transactional id that asks again (KIP-360) simply gets a new identity.
  const auto id = co_await next_producer_id(request.shard());
  if (!id) {
    response.error_code = request.count(ErrorCode::kCoordinatorNotAvailable);
    co_return response;
  }
  response.producer_id = *id;
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace leat::kafka
