#include "security/scram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/security/scram_client.h"

namespace leat::security {
namespace {

using namespace std::string_view_literals;
using test::Exchange;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto k256 = ScramMechanism::sha256;
constexpr auto k512 = ScramMechanism::sha512;
constexpr std::string_view kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kFinalWithoutProof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

// The keys and messages for user "user" with password "pencil". SHA-256: RFC 7677, section 3; SHA-512: the same with
// Python's hashlib and hmac.
struct Vector {
  ScramMechanism mechanism;
  std::string_view stored_key;
  std::string_view server_key;
  std::string_view proof;
  std::string_view signature;
};
constexpr Vector kVectors[] = {
    {k256, "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
     "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    {k512, "6AAub3065EYRmyFpM2RNwqK+eGnrkYuEWbXn19LsEmBqzu8QaCXNc1FwpnX9NhH2hK/60dzj9DoO5DvVkOHbvg==",
     "jZHbYjC1aHh0/hKbxyBuGFjDrgjgKTT1esA7awWiKcRZ0o/0b1yWEebBeSVkkCFewf91nLDfKF24mvD5nmE6rA==",
     "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
     "ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="}};

std::string salt() { return *base64_decoded("W22ZaJ0SNY7soEsUEjb6gQ=="); }

const ScramCredential& pencil(ScramMechanism mechanism) {
  static const ScramCredential kMade[] = {scram_credential(k256, "pencil", salt(), 4096),
                                          scram_credential(k512, "pencil", salt(), 4096)};
  return kMade[mechanism == k256 ? 0 : 1];
}

Errc code_of_first(std::string_view client_first) {
  ScramServer server(k256, std::string(kServerNonce));
  const auto user = server.user_of_first(client_first);
  if (user) {
    ADD_FAILURE() << client_first << " is taken, of user " << *user;
    return Errc::internal;
  }
  EXPECT_THROW((void)server.server_first(pencil(k256)), std::logic_error) << client_first;
  EXPECT_FALSE(server.server_final("c=biws,r=x,p=x"));
  return user.error().code;
}
std::string user_of(std::string_view client_first) {
  ScramServer server(k256, std::string(kServerNonce));
  const auto user = server.user_of_first(client_first);
  return user ? *user : "refused: " + user.error().message;
}

// How a server ends the exchange of RFC 7677 with this final message. Another one after it is always refused.
Result<std::string> end_of(std::string_view client_final, ScramMechanism mechanism = k256) {
  ScramServer server(mechanism, std::string(kServerNonce));
  EXPECT_EQ(server.user_of_first(kClientFirst), "user");
  EXPECT_EQ(server.server_first(pencil(mechanism)), kServerFirst);
  auto end = server.server_final(client_final);
  EXPECT_FALSE(server.server_final(client_final));
  return end;
}
Errc code_of_final(std::string_view client_final) {
  const auto end = end_of(client_final);
  if (end) ADD_FAILURE() << client_final << " is taken";
  return end ? Errc::internal : end.error().code;
}

TEST(Scram, CredentialsAreThoseOfTheRfc) {
  for (const Vector& vector : kVectors) {
    const ScramCredential& made = pencil(vector.mechanism);
    EXPECT_EQ(base64(made.stored_key), vector.stored_key);
    EXPECT_EQ(base64(made.server_key), vector.server_key);
    EXPECT_EQ(made.salt, salt());
    EXPECT_EQ(made.iterations, 4096U);
    EXPECT_TRUE(check_scram_credential(vector.mechanism, made));
    const auto salted = test::salted_password(vector.mechanism, "pencil", salt(), 4096);
    const ScramCredential same = scram_credential_of_salted(vector.mechanism, salted, salt(), 4096);
    EXPECT_EQ(same.stored_key, made.stored_key);
    EXPECT_EQ(same.server_key, made.server_key);
    EXPECT_EQ(same.salt, made.salt);
    EXPECT_EQ(same.iterations, made.iterations);
  }
}

TEST(Scram, ExchangesAreThoseOfTheRfc) {
  for (const Vector& vector : kVectors) {
    const auto end = end_of(fmt::format("{},p={}", kFinalWithoutProof, vector.proof), vector.mechanism);
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_EQ(*end, fmt::format("v={}", vector.signature));
  }
}

TEST(Scram, MechanismsHaveTheirNames) {
  EXPECT_EQ(to_string(k256), "SCRAM-SHA-256");
  EXPECT_EQ(to_string(k512), "SCRAM-SHA-512");
  EXPECT_EQ(scram_mechanism_of("SCRAM-SHA-256"), k256);
  EXPECT_EQ(scram_mechanism_of("SCRAM-SHA-512"), k512);
  for (const std::string_view name : {"", "SCRAM-SHA-1", "scram-sha-256", "SCRAM-SHA-256-PLUS", "PLAIN"})
    EXPECT_EQ(scram_mechanism_of(name), std::nullopt) << name;
}

TEST(Scram, PlainPasswordsMatchTheirCredential) {
  for (const ScramMechanism mechanism : {k256, k512}) {
    EXPECT_TRUE(scram_matches(mechanism, pencil(mechanism), "pencil"));
    for (const std::string_view other : {""sv, "pencil "sv, "penci"sv, "Pencil"sv, "pencil\0"sv})
      EXPECT_FALSE(scram_matches(mechanism, pencil(mechanism), other)) << other;
    ScramCredential cut = pencil(mechanism);
    cut.stored_key.resize(16);
    EXPECT_FALSE(scram_matches(mechanism, cut, "pencil"));
    cut.stored_key.clear();
    EXPECT_FALSE(scram_matches(mechanism, cut, "pencil"));
  }
}

TEST(Scram, CredentialsFromElsewhereAreChecked) {
  const auto is_taken = [](auto change) {
    ScramCredential credential = pencil(k256);
    change(credential);
    const auto checked = check_scram_credential(k256, credential);
    if (!checked) EXPECT_EQ(checked.error().code, Errc::invalid_argument);
    return checked.has_value();
  };
  EXPECT_TRUE(is_taken([](auto& c) { c.iterations = 16384; }));
  EXPECT_FALSE(is_taken([](auto& c) { c.iterations = 16385; }));
  EXPECT_FALSE(is_taken([](auto& c) { c.iterations = 4095; }));
  EXPECT_FALSE(is_taken([](auto& c) { c.iterations = 0; }));
  EXPECT_TRUE(is_taken([](auto& c) { c.salt = std::string(kScramSaltBytesMax, 's'); }));
  EXPECT_FALSE(is_taken([](auto& c) { c.salt = std::string(kScramSaltBytesMax + 1, 's'); }));
  EXPECT_FALSE(is_taken([](auto& c) { c.salt.clear(); }));
  EXPECT_FALSE(is_taken([](auto& c) { c.stored_key.pop_back(); }));
  EXPECT_FALSE(is_taken([](auto& c) { c.server_key += 'x'; }));
  EXPECT_FALSE(check_scram_credential(k512, pencil(k256)));
}

std::string random_text(std::mt19937_64& random, std::size_t size_max, std::string_view often) {
  std::string out(1 + random() % size_max, '\0');
  for (char& c : out)
    c = random() % 3 == 0 ? often[random() % often.size()] : static_cast<char>(1 + random() % 255);  // no NUL
  return out;
}

TEST(Scram, RandomUsersGetInWithTheirPasswordOnly) {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 16; ++i) {
    const ScramMechanism mechanism = i % 2 == 0 ? k256 : k512;
    const std::string user = random_text(random, 40, ",=2C3D");
    const std::string password = random_text(random, 200, ",=");
    const std::string salt = random_text(random, 30, "\0"sv);
    const auto iterations = static_cast<std::uint32_t>(4096 + random() % 100);
    const ScramCredential credential = scram_credential(mechanism, password, salt, iterations);
    Exchange exchange{mechanism, i % 3 == 0 ? "y,," : "n,,",
                      fmt::format("n={},r={}", test::encoded_name(user), base64(random_text(random, 30, "x")))};
    if (i % 5 == 0) exchange.channel = fmt::format("n,a={},", test::encoded_name(user));
    if (i % 4 == 0) exchange.first_bare += ",tokenauth=false,other=a=b";
    if (i % 4 == 1) exchange.extensions = ",x=1,y==";
    const std::string nonce = base64(random_text(random, 30, "x"));

    for (const bool is_right : {true, false}) {
      ScramServer server(mechanism, nonce);
      const auto claimed = server.user_of_first(exchange.first());
      ASSERT_TRUE(claimed) << exchange.first() << ": " << claimed.error().message;
      EXPECT_EQ(*claimed, user);
      exchange.server_first = server.server_first(credential);
      const test::Challenge challenge = test::read_challenge(exchange.server_first);
      EXPECT_EQ(challenge.salt, salt);
      EXPECT_EQ(challenge.iterations, iterations);
      exchange.salted =
          test::salted_password(mechanism, is_right ? password : password + "x", challenge.salt, challenge.iterations);
      const auto end = server.server_final(exchange.final());
      ASSERT_EQ(end.has_value(), is_right);
      if (is_right) {
        EXPECT_EQ(*end, exchange.expected_server_final());
      } else {
        EXPECT_EQ(end.error().code, Errc::permission_denied);
      }
    }
  }
}

TEST(Scram, AServerWithAnotherServerKeyIsFoundOut) {
  ScramCredential credential = pencil(k256);
  credential.server_key[0] = static_cast<char>(credential.server_key[0] ^ 1);
  ScramServer server(k256, std::string(kServerNonce));
  ASSERT_TRUE(server.user_of_first(kClientFirst));
  Exchange exchange{k256, "n,,", std::string(kClientFirst.substr(3)), server.server_first(credential),
                    test::salted_password(k256, "pencil", salt(), 4096)};
  const auto end = server.server_final(exchange.final());
  ASSERT_TRUE(end);
  EXPECT_NE(*end, exchange.expected_server_final());
}

TEST(Scram, UserNamesAreDecoded) {
  EXPECT_EQ(user_of("n,,n=user,r=abc"), "user");
  EXPECT_EQ(user_of("y,,n=user,r=abc"), "user");
  EXPECT_EQ(user_of("n,,n=a=2Cb=3Dc,r=abc"), "a,b=c");
  EXPECT_EQ(user_of("n,,n==2C=2C=3D,r=abc"), ",,=");
  EXPECT_EQ(user_of("n,,n==3D2C,r=abc"), "=2C");
  EXPECT_EQ(user_of("n,,n=M\xc3\xbcller,r=abc"), "M\xc3\xbcller");
  EXPECT_EQ(user_of("n,,n= ,r=abc"), " ");
  EXPECT_EQ(user_of("n,a=a=2Cb,n=a=2Cb,r=abc"), "a,b");
  EXPECT_EQ(user_of("n,,n=user,r=abc,tokenauth=false"), "user");
  EXPECT_EQ(user_of("n,,n=user,r=abc,x=1,anything=a=b"), "user");
}

TEST(Scram, MalformedFirstMessagesAreRefused) {
  for (const std::string_view message : {""sv,
                                         ","sv,
                                         ",,,,,,"sv,
                                         "n"sv,
                                         "n,"sv,
                                         "n,,"sv,
                                         "n,,n=user"sv,
                                         "n,,n=user,"sv,
                                         "n,n=user,r=abc"sv,
                                         "n=user,r=abc"sv,
                                         "x,,n=user,r=abc"sv,
                                         "N,,n=user,r=abc"sv,
                                         "nn,,n=user,r=abc"sv,
                                         " n,,n=user,r=abc"sv,
                                         "n,x,n=user,r=abc"sv,
                                         "n,a=,n=user,r=abc"sv,
                                         "n,a=us=er,n=user,r=abc"sv,
                                         "n,,n=,r=abc"sv,
                                         "n,,user,r=abc"sv,
                                         "n,,r=abc,n=user"sv,
                                         "n,,n=us=er,r=abc"sv,
                                         "n,,n=us=2cer,r=abc"sv,
                                         "n,,n=us=3der,r=abc"sv,
                                         "n,,n=user=,r=abc"sv,
                                         "n,,n=user=2,r=abc"sv,
                                         "n,,n=us\0er,r=abc"sv,
                                         "n,,n=user,r="sv,
                                         "n,,n=user,r=a b"sv,
                                         "n,,n=user,r=ab\x7f"sv,
                                         "n,,n=user,r=ab\xc3\xbc"sv,
                                         "n,,n=user,r=ab\0"sv,
                                         "n,,n=user,r=abc\n"sv,
                                         "n,,n=user,x=abc"sv,
                                         "n,,n=user,r=abc,"sv,
                                         "n,,n=user,r=abc,,"sv,
                                         "n,,n=user,r=abc,x"sv,
                                         "n,,n=user,r=abc,x="sv,
                                         "n,,n=user,r=abc,=x"sv,
                                         "n,,n=user,r=abc,1=x"sv,
                                         "n,,n=user,r=abc,x=\0"sv})
    EXPECT_EQ(code_of_first(message), Errc::invalid_argument) << message;
}

TEST(Scram, WhatIsNotOfferedIsRefusedAsSuch) {
  for (const std::string_view message :
       {"p=tls-unique,,n=user,r=abc", "p=,,n=user,r=abc", "p=tls-server-end-point,a=user,n=user,r=abc",
        "n,,m=x,n=user,r=abc", "n,,m=,n=user,r=abc", "n,,n=user,r=abc,m=x", "n,,n=user,r=abc,tokenauth=true",
        "n,,n=user,r=abc,x=y,tokenauth=TRUE", "n,a=other,n=user,r=abc"})
    EXPECT_EQ(code_of_first(message), Errc::unsupported) << message;
  EXPECT_THAT(user_of("n,,n=user,r=abc,tokenauth=true"), HasSubstr("tokenauth"));
  EXPECT_THAT(user_of("p=tls-unique,,n=user,r=abc"), HasSubstr("channel binding"));
}

TEST(Scram, SizesAreBounded) {
  const std::string nonce(kScramNonceBytesMax, 'x');
  EXPECT_EQ(user_of("n,,n=user,r=" + nonce), "user");
  EXPECT_EQ(code_of_first("n,,n=user,r=" + nonce + "x"), Errc::invalid_argument);
  const std::string longest(kScramMessageBytesMax - std::string_view("n,,n=,r=abc").size(), 'u');
  EXPECT_EQ(user_of("n,,n=" + longest + ",r=abc"), longest);
  EXPECT_EQ(code_of_first("n,,n=" + longest + "u,r=abc"), Errc::invalid_argument);

  // The final message: extensions count for its size.
  Exchange exchange{k256, "n,,", "n=user,r=" + nonce, "", test::salted_password(k256, "pencil", salt(), 4096)};
  for (const std::size_t size : {kScramMessageBytesMax, kScramMessageBytesMax + 1}) {
    ScramServer one(k256, nonce);
    ASSERT_TRUE(one.user_of_first(exchange.first()));
    exchange.server_first = one.server_first(pencil(k256));
    exchange.extensions.clear();
    exchange.extensions = ",x=" + std::string(size - exchange.final().size() - 3, 'y');
    ASSERT_EQ(exchange.final().size(), size);
    EXPECT_EQ(one.server_final(exchange.final()).has_value(), size == kScramMessageBytesMax);
  }
}

TEST(Scram, AServersNonceThatIsNoneMakesNoExchange) {
  for (const std::string& nonce : {std::string(), std::string("a,b"), std::string("a b"), std::string(257, 'x')}) {
    ScramServer server(k256, nonce);
    const auto user = server.user_of_first(kClientFirst);
    ASSERT_FALSE(user) << nonce;
    EXPECT_EQ(user.error().code, Errc::internal);
  }
}

TEST(Scram, AWrongProofHasACodeOfItsOwn) {
  std::string proof = *base64_decoded(kVectors[0].proof);
  for (std::size_t i = 0; i < proof.size() * 8; ++i) {
    std::string changed = proof;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ (1 << (i % 8)));
    EXPECT_EQ(code_of_final(fmt::format("{},p={}", kFinalWithoutProof, base64(changed))), Errc::permission_denied);
  }
  // It is of all that was said: an extension that the client did not sign undoes it.
  EXPECT_EQ(code_of_final(fmt::format("{},x=y,p={}", kFinalWithoutProof, kVectors[0].proof)), Errc::permission_denied);
}

TEST(Scram, MalformedFinalMessagesAreRefused) {
  const std::string nonce = std::string(kClientNonce) + std::string(kServerNonce);
  const std::string proof(kVectors[0].proof);
  for (const std::string& message : {
           std::string(),
           std::string(","),
           std::string(kFinalWithoutProof),
           fmt::format("c=biws,r={},", nonce),
           fmt::format("c=biws,r={},p=", nonce),
           fmt::format("c=biws,r={},p={},", nonce, proof),
           fmt::format("c=biws,r={},p={},x=y", nonce, proof),
           fmt::format("c=biws,r={},p= {}", nonce, proof),
           fmt::format("c=biws,r={},p={}\n", nonce, proof),
           fmt::format("c=biws,r={},p={}", nonce, proof.substr(0, 43)),
           fmt::format("c=biws,r={},p={}", nonce, proof.substr(0, 40)),
           fmt::format("c=biws,r={},p={}", nonce, std::string(4000, '=')),
           fmt::format("c=biws,r={},p={}", nonce, kVectors[1].proof),
           fmt::format("c=biws,r={},P={}", nonce, proof),
           fmt::format("c=biws,r={},m=x,", nonce),
           fmt::format("c=biws,r={},,p={}", nonce, proof),
           fmt::format("c=biws,r={},x,p={}", nonce, proof),
           fmt::format("r={},c=biws,p={}", nonce, proof),
           fmt::format("r={},p={}", nonce, proof),
           fmt::format("c=,r={},p={}", nonce, proof),
           fmt::format("c=biw,r={},p={}", nonce, proof),
           fmt::format("c=eSws,r={},p={}", nonce, proof),      // of "y,,"
           fmt::format("c=biwsAAAA,r={},p={}", nonce, proof),  // with the data of a binding
           fmt::format("c=n,,,r={},p={}", nonce, proof),
           fmt::format("c=biws,r=,p={}", proof),
           fmt::format("c=biws,r={},p={}", kClientNonce, proof),
           fmt::format("c=biws,r={}x,p={}", nonce, proof),
       })
    EXPECT_EQ(code_of_final(message), Errc::invalid_argument) << message;
  EXPECT_EQ(code_of_final(fmt::format("c=biws,r={},m=x,p={}", nonce, proof)), Errc::unsupported);
}

// As librdkafka before 2.6 does; what counts is the server's part.
TEST(Scram, AClientMaySayItsNonceTwice) {
  const std::string salted = test::salted_password(k256, "pencil", salt(), 4096);
  ScramServer server(k256, std::string(kServerNonce));
  ASSERT_TRUE(server.user_of_first("n,,n=user,r=abc"));
  const std::string first = server.server_first(pencil(k256));
  const std::string without_proof = fmt::format("c=biws,r=abcabc{}", kServerNonce);
  const std::string key = test::hmac(k256, salted, "Client Key");
  const std::string signature =
      test::hmac(k256, test::hash(k256, key), fmt::format("n=user,r=abc,{},{}", first, without_proof));
  EXPECT_TRUE(server.server_final(fmt::format("{},p={}", without_proof, base64(test::exclusive_or(key, signature)))));
}

TEST(Scram, LeatsClientAndItsServerAgree) {
  for (const ScramMechanism mechanism : {ScramMechanism::sha256, ScramMechanism::sha512}) {
    const ScramCredential credential = scram_credential(mechanism, "a password", "salt", kScramIterationsMin);
    for (const std::string password : {"a password", "another"}) {
      ScramServer server(mechanism, "server");
      ScramClient client(mechanism, "a=b,c", password, "client");
      const auto user = server.user_of_first(client.first());
      ASSERT_TRUE(user);
      EXPECT_EQ(*user, "a=b,c");
      const auto proof = client.final(server.server_first(credential));
      ASSERT_TRUE(proof);
      const auto end = server.server_final(*proof);
      EXPECT_EQ(end.has_value(), password == "a password");
      EXPECT_EQ(end && client.check(*end), password == "a password");
    }
  }
}

TEST(Scram, AClientRefusesServersThatAreNoneOrDoNotKnowThePassword) {
  for (const std::string first : {"", "r=client,s=c2FsdA==,i=4096", "r=other,s=c2FsdA==,i=4096", "r=clientx,s=!,i=4096",
                                  "r=clientx,s=c2FsdA==,i=1", "r=clientx,s=c2FsdA==,i=4000000000", "e=other-error"}) {
    ScramClient client(k256, "user", "pencil", "client");
    EXPECT_FALSE(client.final(first)) << first;
  }
  ScramClient client(k256, "user", "pencil", "client");
  EXPECT_FALSE(client.check("v="));
  ASSERT_TRUE(client.final("r=clientserver,s=c2FsdA==,i=4096"));
  EXPECT_FALSE(client.check("v=" + base64(std::string(32, 'x'))));
}

TEST(Scram, TheBindingIsThatOfTheFirstMessage) {
  const std::string salted = test::salted_password(k256, "pencil", salt(), 4096);
  for (const std::string first : {"n,,", "y,,", "n,a=user,"}) {
    for (const std::string last : {"n,,", "y,,", "n,a=user,"}) {
      ScramServer server(k256, std::string(kServerNonce));
      ASSERT_TRUE(server.user_of_first(first + "n=user,r=abc"));
      const Exchange exchange{k256, last, "n=user,r=abc", server.server_first(pencil(k256)), salted};
      EXPECT_EQ(server.server_final(exchange.final()).has_value(), first == last) << first << last;
    }
  }
}

TEST(Scram, AFinalMessageOfAnotherExchangeIsRefused) {
  const std::string recorded = fmt::format("{},p={}", kFinalWithoutProof, kVectors[0].proof);
  ASSERT_TRUE(end_of(recorded));
  ScramServer server(k256, "anotherNonce");
  ASSERT_TRUE(server.user_of_first(kClientFirst));
  const std::string first = server.server_first(pencil(k256));
  EXPECT_THAT(first, Not(HasSubstr(std::string(kServerNonce))));
  const auto end = server.server_final(recorded);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::invalid_argument);
  EXPECT_THAT(end.error().message, HasSubstr("nonce"));
  // With the nonce put right, the proof is of another message.
  ScramServer again(k256, "anotherNonce");
  ASSERT_TRUE(again.user_of_first(kClientFirst));
  (void)again.server_first(pencil(k256));
  const auto forged = again.server_final(fmt::format("c=biws,r={}anotherNonce,p={}", kClientNonce, kVectors[0].proof));
  ASSERT_FALSE(forged);
  EXPECT_EQ(forged.error().code, Errc::permission_denied);
}

TEST(Scram, StepsAreTakenOnceAndInOrder) {
  const std::string last = fmt::format("{},p={}", kFinalWithoutProof, kVectors[0].proof);
  ScramServer early(k256, std::string(kServerNonce));
  EXPECT_FALSE(early.server_final(last));
  EXPECT_FALSE(early.user_of_first(kClientFirst));

  ScramServer unanswered(k256, std::string(kServerNonce));
  ASSERT_TRUE(unanswered.user_of_first(kClientFirst));
  EXPECT_FALSE(unanswered.server_final(last));

  ScramServer twice(k256, std::string(kServerNonce));
  ASSERT_TRUE(twice.user_of_first(kClientFirst));
  (void)twice.server_first(pencil(k256));
  EXPECT_THROW((void)twice.server_first(pencil(k256)), std::logic_error);
  EXPECT_FALSE(twice.user_of_first(kClientFirst));
  EXPECT_FALSE(twice.server_final(last));
}

TEST(Scram, CredentialsWithBrokenKeysLetNobodyIn) {
  for (const std::size_t size : {0, 31, 33, 64}) {
    ScramServer server(k256, std::string(kServerNonce));
    ASSERT_TRUE(server.user_of_first(kClientFirst));
    ScramCredential broken = pencil(k256);
    broken.stored_key.resize(size);
    (void)server.server_first(broken);
    const auto end = server.server_final(fmt::format("{},p={}", kFinalWithoutProof, kVectors[0].proof));
    ASSERT_FALSE(end) << size;
    EXPECT_EQ(end.error().code, Errc::permission_denied);
  }
}

TEST(Scram, UsersThatThereAreNotLookLikeUsersAndNeverGetIn) {
  const std::string secret(32, 's');
  for (const ScramMechanism mechanism : {k256, k512}) {
    const ScramCredential decoy = scram_decoy(mechanism, secret, "nobody", 4096);
    EXPECT_TRUE(check_scram_credential(mechanism, decoy));
    EXPECT_EQ(decoy.salt.size(), kScramSaltBytes);
    EXPECT_EQ(decoy.iterations, 4096U);
    const ScramCredential same = scram_decoy(mechanism, secret, "nobody", 4096);
    EXPECT_EQ(same.salt, decoy.salt);
    EXPECT_EQ(same.stored_key, decoy.stored_key);
    for (const ScramCredential& other :
         {scram_decoy(mechanism, secret, "nobody2", 4096), scram_decoy(mechanism, std::string(32, 't'), "nobody", 4096),
          scram_decoy(mechanism == k256 ? k512 : k256, secret, "nobody", 4096)}) {
      EXPECT_NE(other.salt, decoy.salt);
      EXPECT_NE(other.stored_key, decoy.stored_key);
      EXPECT_NE(other.server_key, decoy.server_key);
    }
    EXPECT_NE(decoy.stored_key, decoy.server_key);
    EXPECT_NE(decoy.stored_key.substr(0, kScramSaltBytes), decoy.salt);

    EXPECT_FALSE(scram_matches(mechanism, decoy, ""));
    EXPECT_FALSE(scram_matches(mechanism, decoy, "pencil"));
    ScramServer server(mechanism, std::string(kServerNonce));
    ASSERT_TRUE(server.user_of_first(kClientFirst));
    const Exchange exchange{mechanism, "n,,", std::string(kClientFirst.substr(3)), server.server_first(decoy),
                            test::salted_password(mechanism, "pencil", decoy.salt, 4096)};
    const auto end = server.server_final(exchange.final());
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Errc::permission_denied);
    // As the error of a user that there is, with another password.
    EXPECT_EQ(end.error().message,
              end_of(fmt::format("{},p={}", kFinalWithoutProof, base64(std::string(32, 'x')))).error().message);
  }
}

}  // namespace
}  // namespace leat::security
