#pragma once

#include <string>
#include <vector>

#include "protocol/api/request.h"

// Changes of users and grants, from any shard. Errors: those of security::PolicyService.
namespace leat::api {

// Makes, changes or removes a user. `change` gets the user as it is, nullopt when there is none, and returns what it becomes,
// nullopt when it goes; it may be called several times. `grants`, of that user, are added with it or not at all. Returns the
// user as it was put.
using UserChange = std::function<Result<std::optional<security::User>>(std::optional<security::User>)>;
[[nodiscard]] runtime::Task<Result<std::optional<security::User>>> change_user(
    const Request& request, std::string name, UserChange change, std::vector<security::Grant> grants = {});
// Changes a user that must be there (not_found).
[[nodiscard]] runtime::Task<Result<security::User>> change_existing(const Request& request, std::string name,
                                                                    std::function<Status(security::User&)> change);
[[nodiscard]] runtime::Task<Status> add_grants(const Request& request, std::string principal,
                                               std::vector<security::Grant> grants);
// Returns how many of them there were.
[[nodiscard]] runtime::Task<Result<std::size_t>> remove_grants(const Request& request, std::string principal,
                                                               std::vector<security::Grant> grants);

[[nodiscard]] runtime::Task<Status> change_quotas(const Request& request, security::QuotaEntity entity,
                                                  security::QuotaChanges changes);

}  // namespace leat::api
