#include "protocol/api/handlers.h"

#include <utility>

namespace leat::api {
namespace {

constexpr std::pair<std::string_view, Handler> kHandlers[] = {
    {"getIndex", get_index},
    {"getDocument", get_document},
    {"getServer", get_server},
    {"listTopics", list_topics},
    {"createTopic", create_topic},
    {"getTopic", get_topic},
    {"changeTopic", change_topic},
    {"deleteTopic", delete_topic},
    {"listPartitions", list_partitions},
    {"publishRecords", publish_records},
    {"findRecords", find_records},
    {"readRecords", read_records},
    {"deleteRecords", delete_records},
    {"listGroups", list_groups},
    {"getGroup", get_group},
    {"deleteGroup", delete_group},
    {"setOffsets", set_offsets},
    {"listQueues", list_queues},
    {"createQueue", create_queue},
    {"getQueue", get_queue},
    {"changeQueue", change_queue},
    {"deleteQueue", delete_queue},
    {"rewindQueue", rewind_queue},
    {"purgeQueue", purge_queue},
    {"listRedrives", list_redrives},
    {"startRedrive", start_redrive},
    {"cancelRedrive", cancel_redrive},
    {"sendMessages", send_messages},
    {"receiveMessages", receive_messages},
    {"peekMessages", peek_messages},
    {"peekDeadLetters", peek_dead_letters},
    {"acknowledgeMessages", acknowledge_messages},
    {"extendLeases", extend_leases},
    {"releaseMessages", release_messages},
    {"listKeys", list_keys},
    {"getKey", get_key},
    {"putKey", put_key},
    {"deleteKey", delete_key},
    {"runCommands", run_commands},
    {"getLock", get_lock},
    {"acquireLock", acquire_lock},
    {"extendLock", extend_lock},
    {"releaseLock", release_lock},
    {"listChannels", list_channels},
    {"publishMessage", publish_message},
    {"listUsers", list_users},
    {"createUser", create_user},
    {"getUser", get_user},
    {"changeUser", change_user},
    {"deleteUser", delete_user},
    {"getMe", get_me},
    {"listTokens", list_tokens},
    {"createToken", create_token},
    {"deleteToken", delete_token},
    {"listAccessKeys", list_access_keys},
    {"createAccessKey", create_access_key},
    {"deleteAccessKey", delete_access_key},
    {"listGrants", list_grants},
    {"addGrants", add_grants},
    {"removeGrants", remove_grants},
    {"listQuotas", list_quotas},
    {"changeQuotas", change_quotas},
    {"openLive", open_live},
    {"streamEvents", stream_events},
};

}  // namespace

Handler find_handler(std::string_view operation_id) {
  for (const auto& [id, handler] : kHandlers) {
    if (id == operation_id) return handler;
  }
  return nullptr;
}

}  // namespace leat::api
