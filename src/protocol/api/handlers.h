#pragma once

#include "protocol/api/request.h"

// What each operation of the document does. Parameters and bodies were checked, and so were rights, unless the operation's are
// `listed` or `granted`.
namespace leat::api {

using Handler = Answer (*)(Request&);
// nullptr: there is none.
[[nodiscard]] Handler find_handler(std::string_view operation_id);

// Server.
Answer get_index(Request& request);
Answer get_document(Request& request);
Answer get_server(Request& request);

// Topics.
Answer list_topics(Request& request);
Answer create_topic(Request& request);
Answer get_topic(Request& request);
Answer change_topic(Request& request);
Answer delete_topic(Request& request);
Answer list_partitions(Request& request);

// Records.
Answer publish_records(Request& request);
Answer find_records(Request& request);
Answer read_records(Request& request);
Answer delete_records(Request& request);

// Groups.
Answer list_groups(Request& request);
Answer get_group(Request& request);
Answer delete_group(Request& request);
Answer set_offsets(Request& request);

// Queues.
Answer list_queues(Request& request);
Answer create_queue(Request& request);
Answer get_queue(Request& request);
Answer change_queue(Request& request);
Answer delete_queue(Request& request);
Answer rewind_queue(Request& request);
Answer purge_queue(Request& request);
Answer list_redrives(Request& request);
Answer start_redrive(Request& request);
Answer cancel_redrive(Request& request);

// Messages.
Answer send_messages(Request& request);
Answer receive_messages(Request& request);
Answer peek_messages(Request& request);
Answer peek_dead_letters(Request& request);
Answer acknowledge_messages(Request& request);
Answer extend_leases(Request& request);
Answer release_messages(Request& request);

// Keys.
Answer list_keys(Request& request);
Answer get_key(Request& request);
Answer put_key(Request& request);
Answer delete_key(Request& request);
Answer run_commands(Request& request);

// Locks.
Answer get_lock(Request& request);
Answer acquire_lock(Request& request);
Answer extend_lock(Request& request);
Answer release_lock(Request& request);

// Channels.
Answer list_channels(Request& request);
Answer publish_message(Request& request);

// Users.
Answer list_users(Request& request);
Answer create_user(Request& request);
Answer get_user(Request& request);
Answer change_user(Request& request);
Answer delete_user(Request& request);
Answer get_me(Request& request);

// Tokens and access keys of users.
Answer list_tokens(Request& request);
Answer create_token(Request& request);
Answer delete_token(Request& request);
Answer list_access_keys(Request& request);
Answer create_access_key(Request& request);
Answer delete_access_key(Request& request);

// Grants.
Answer list_grants(Request& request);
Answer add_grants(Request& request);
Answer remove_grants(Request& request);

// Quotas.
Answer list_quotas(Request& request);
Answer change_quotas(Request& request);

// Live.
Answer open_live(Request& request);
Answer stream_events(Request& request);

}  // namespace leat::api
