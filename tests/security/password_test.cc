#include "security/password.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"

namespace leat::security {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kSalt = "sixteen bytes it";
// Of the tests of the reference implementation, and small.
constexpr std::string_view kSmallArgon2 =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
constexpr std::string_view kBcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";  // of "U*U"

std::string with(std::string_view text, std::string_view old, std::string_view replacement) {
  std::string out(text);
  const auto at = out.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return at == std::string::npos ? out : out.replace(at, old.size(), replacement);
}

void expect_refused(std::string_view hash, std::string_view password = "password") {
  const auto checked = check_password_hash(hash);
  ASSERT_FALSE(checked) << hash;
  EXPECT_EQ(checked.error().code, Errc::invalid_argument);
  EXPECT_FALSE(verify_password(hash, password)) << hash;
}

TEST(Password, HashesVerifyWithTheirPasswordAndNoOther) {
  const std::string hash = hash_password("correct horse", as_bytes(kSalt));
  EXPECT_THAT(hash, StartsWith("$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBpdA$"));
  EXPECT_TRUE(check_password_hash(hash));
  EXPECT_TRUE(verify_password(hash, "correct horse"));
  EXPECT_FALSE(verify_password(hash, "correct horsf"));
  EXPECT_FALSE(verify_password(hash, "correct hors"));
  EXPECT_FALSE(verify_password(hash, "correct horse "));
  EXPECT_FALSE(verify_password(hash, ""));
  EXPECT_EQ(hash, hash_password("correct horse", as_bytes(kSalt)));
  EXPECT_NE(hash, hash_password("correct horse", as_bytes("another 16 bytes")));
}

TEST(Password, ReadsTheHashesOfTheReferenceImplementation) {
  EXPECT_TRUE(verify_password(kSmallArgon2, "password"));
  EXPECT_FALSE(verify_password(kSmallArgon2, "differentpassword"));
  constexpr std::string_view kLarge =
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  EXPECT_TRUE(verify_password(kLarge, "password"));
  EXPECT_FALSE(verify_password(kLarge, "sassword"));
}

TEST(Password, AHashIsOfAllItsParameters) {
  for (const auto& [old, replacement] : std::vector<std::pair<std::string_view, std::string_view>>{
           {"m=256", "m=257"}, {"t=2", "t=3"}, {"p=1", "p=2"}, {"c29tZXNhbHQ", "c29tZXNhbHU"}, {"$nf6", "$of6"}}) {
    const std::string changed = with(kSmallArgon2, old, replacement);
    EXPECT_TRUE(check_password_hash(changed)) << changed;
    EXPECT_FALSE(verify_password(changed, "password")) << changed;
  }
}

TEST(Password, NulBytesCountForArgon2) {
  using namespace std::string_view_literals;
  const std::string hash = hash_password("a\0b"sv, as_bytes(kSalt));
  EXPECT_TRUE(verify_password(hash, "a\0b"sv));
  EXPECT_FALSE(verify_password(hash, "a"sv));
  EXPECT_FALSE(verify_password(hash, "a\0c"sv));
}

TEST(Password, PasswordsHaveOneToManyBytes) {
  EXPECT_TRUE(check_password("x"));
  EXPECT_TRUE(check_password(std::string(kPasswordBytesMax, 'x')));
  EXPECT_EQ(check_password("").error().code, Errc::invalid_argument);
  EXPECT_EQ(check_password(std::string(kPasswordBytesMax + 1, 'x')).error().code, Errc::invalid_argument);
  const std::string longest(kPasswordBytesMax, 'x');
  const std::string hash = hash_password(longest, as_bytes(kSalt));
  EXPECT_TRUE(verify_password(hash, longest));
  EXPECT_FALSE(verify_password(hash, longest + "x"));
  EXPECT_FALSE(verify_password(hash, std::string_view(longest).substr(1)));
  EXPECT_THROW((void)hash_password("", as_bytes(kSalt)), std::invalid_argument);
  EXPECT_THROW((void)hash_password(longest + "x", as_bytes(kSalt)), std::invalid_argument);
  EXPECT_THROW((void)hash_password("x", as_bytes("short")), std::invalid_argument);
}

TEST(Password, ReadsBcryptOfAllItsPrefixes) {
  EXPECT_TRUE(check_password_hash(kBcrypt));
  EXPECT_TRUE(verify_password(kBcrypt, "U*U"));
  EXPECT_FALSE(verify_password(kBcrypt, "U*V"));
  EXPECT_FALSE(verify_password(kBcrypt, "U*U*"));
  EXPECT_TRUE(verify_password("$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*"));
  EXPECT_TRUE(verify_password(with(kBcrypt, "$2a$", "$2b$"), "U*U"));
  EXPECT_TRUE(verify_password(with(kBcrypt, "$2a$", "$2y$"), "U*U"));
  EXPECT_FALSE(verify_password(with(kBcrypt, "$05$", "$06$"), "U*U"));
  EXPECT_FALSE(verify_password(with(kBcrypt, "E5YPO", "E5YPP"), "U*U"));
}

TEST(Password, BcryptTakes72BytesAndNoNul) {
  using namespace std::string_view_literals;
  constexpr std::string_view kHash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
  const std::string password = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  ASSERT_EQ(password.size(), 72U);
  EXPECT_TRUE(verify_password(kHash, password));
  EXPECT_TRUE(verify_password(kHash, password + "chars after 72 are ignored"));
  EXPECT_TRUE(verify_password(kHash, password + std::string(kPasswordBytesMax - 72, 'x')));
  EXPECT_FALSE(verify_password(kHash, password + std::string(kPasswordBytesMax - 71, 'x')));
  EXPECT_FALSE(verify_password(kHash, std::string_view(password).substr(0, 71)));
  EXPECT_FALSE(verify_password(kBcrypt, "U*U\0"sv));
  EXPECT_FALSE(verify_password(kBcrypt, "U*U\0more"sv));
}

TEST(Password, ImportedHashesMayNotStallTheServer) {
  for (const std::string_view good : {"m=65536,t=8,p=8", "m=64,t=1,p=8", "m=8,t=1,p=1"})
    EXPECT_TRUE(check_password_hash(with(kSmallArgon2, "m=256,t=2,p=1", good))) << good;
  for (const std::string_view bad : {"m=65537,t=2,p=1", "m=256,t=9,p=1", "m=256,t=2,p=9", "m=63,t=1,p=8", "m=7,t=1,p=1",
                                     "m=0,t=1,p=1", "m=256,t=0,p=1", "m=256,t=2,p=0", "m=4294967295,t=2,p=1",
                                     "m=4294967552,t=2,p=1", "m=99999999999999999999,t=2,p=1"})
    expect_refused(with(kSmallArgon2, "m=256,t=2,p=1", bad));
  EXPECT_TRUE(check_password_hash(with(kBcrypt, "$05$", "$04$")));
  EXPECT_TRUE(check_password_hash(with(kBcrypt, "$05$", "$14$")));
  for (const std::string_view bad : {"$15$", "$31$", "$99$", "$03$", "$00$"})
    expect_refused(with(kBcrypt, "$05$", bad), "U*U");
}

TEST(Password, MalformedHashesAreRefused) {
  using namespace std::string_view_literals;
  for (const std::string_view bad :
       {"", "x", "password", "$", "$argon2id", "$argon2id$", "$argon2id$$$$",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "$2b$",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "*0"})
    expect_refused(bad);
  const std::pair<std::string_view, std::string_view> changes[] = {
      {"v=19", "v=16"},
      {"v=19", "v=019"},
      {"$v=19", ""},
      {"m=256", "m=0256"},
      {"m=256", "m=+256"},
      {"m=256", "m= 256"},
      {"m=256", "m="},
      {"m=256", "m=-256"},
      {"m=256,t=2", "t=2,m=256"},
      {"p=1", "p=1,keyid=x"},
      {",p=1", ""},
      {"c29tZXNhbHQ", ""},
      {"c29tZXNhbHQ", "c29tZXNhbHQ="},
      {"c29tZXNhbHQ", "c29tZXNhbHR"},    // bits that are left over
      {"c29tZXNhbHQ", "c29tZXNhbHQAA"},  // no length of base64
      {"c29tZXNhbHQ", "c29tZXNhbA"},     // 7 bytes
      {"c29tZXNhbHQ", "c29tZ!NhbHQ"},
      {"c29tZXNhbHQ", "c29tZXNh bHQ"},
      {"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", ""},
      {"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65EOgLrQMR/uIPnA4r"},  // 15 bytes
      {"Gi/4", "Gi/4$"},
      {"Gi/4", "Gi/4\n"},
  };
  for (const auto& [old, replacement] : changes) expect_refused(with(kSmallArgon2, old, replacement));
  expect_refused(with(kSmallArgon2, "c29tZXNhbHQ", std::string(88, 'A')));  // 66 bytes
  expect_refused(std::string(kSmallArgon2) + std::string(400, 'A'));
  for (const auto& [old, replacement] : std::vector<std::pair<std::string_view, std::string_view>>{{"$05$", "$5$0"},
                                                                                                   {"$05$", "$ 5$"},
                                                                                                   {"$05$", "$0x$"},
                                                                                                   {"yOeW", "yOe"},
                                                                                                   {"yOeW", "yOeWW"},
                                                                                                   {"yOeW", "yOe="},
                                                                                                   {"yOeW", "yO\0W"sv}})
    expect_refused(with(kBcrypt, old, replacement), "U*U");
}

TEST(Password, WhatIsRefusedIsNotShown) {
  const auto checked = check_password_hash(with(kSmallArgon2, "t=2", "t=20"));
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, AllOf(HasSubstr("t=20"), Not(HasSubstr("nf65EOgL")), Not(HasSubstr("c29tZ"))));
}

}  // namespace
}  // namespace leat::security
