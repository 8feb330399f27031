#include "protocol/api/own_host.h"

#include <gtest/gtest.h>

namespace leat::api {
namespace {

TEST(OwnHost, IsAnAddressOrLocalhostAndNoNameThatAnybodyCanMakeLeadHere) {
  for (const std::string_view host :
       {"", "127.0.0.1", "127.0.0.1:8080", "10.1.2.3", "[::1]", "[::1]:8080", "[2001:db8::7]:80", "localhost",
        "localhost:8080", "LocalHost:80", "localhost.", "localhost.:80", "app.localhost", "a.b.localhost:8080"})
    EXPECT_TRUE(is_own_host(host, {})) << host;
  for (const std::string_view host :
       {"evil.example", "evil.example:8080", "x", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost",
        "evil-localhost:80", "127.0.0", "0x7f.0.0.1", "1.2.3.4.5", "[evil.example]:80", ":80", ".", "local", "[", "[]",
        "::1"})
    EXPECT_FALSE(is_own_host(host, {})) << host;
}

TEST(OwnHost, IsAHostOfTheOriginsThatAreNamed) {
  const std::vector<std::string> origins{"https://app.example", "http://Other.example:3000"};
  for (const std::string_view host : {"app.example", "APP.example:8080", "other.example", "app.example."})
    EXPECT_TRUE(is_own_host(host, origins)) << host;
  for (const std::string_view host : {"a.app.example", "app.example.evil.example", "example", "https://app.example"})
    EXPECT_FALSE(is_own_host(host, origins)) << host;
  EXPECT_TRUE(is_own_host("evil.example", {"*"}));
}

}  // namespace
}  // namespace leat::api
