#include "security/tls_context.h"

#include <gmock/gmock.h>

#include "tests/runtime/homes.h"
#include "tests/security/tls_client.h"

namespace leat::security {
namespace {

using ::testing::AllOf;
using testing::Certificate;
using ::testing::HasSubstr;
using testing::make_certificate;

class TlsContextFiles : public ::testing::Test {
 protected:
  void put(const std::string& name, std::string_view content) {
    ASSERT_TRUE(runtime::replace_file(home_->files(), path(name), as_bytes(content)));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return runtime::join_path(home_->folder(), name); }
  std::string refusal() {
    const auto context = TlsContext::load(home_->files(), path("c.pem"), path("k.pem"));
    return context ? "accepted" : context.error().message;
  }

  std::unique_ptr<runtime::testing::Home> home_ = runtime::testing::make_real_home(1);
  Certificate mill_ = make_certificate("mill");
};

TEST_F(TlsContextFiles, AGoodPairIsTakenWithItsSubjectAndEnd) {
  put("c.pem", mill_.certificate + make_certificate("authority").certificate);
  put("k.pem", mill_.key);
  const auto context = TlsContext::load(home_->files(), path("c.pem"), path("k.pem"));
  ASSERT_TRUE(context) << context.error().message;
  EXPECT_EQ((*context)->subject(), "CN = mill");
  const auto now_ms = std::chrono::duration_cast<Milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  EXPECT_GT((*context)->not_after().value(), now_ms.count() + 80'000'000);
  EXPECT_LT((*context)->not_after().value(), now_ms.count() + 90'000'000);
}

TEST_F(TlsContextFiles, ErrorsNameTheFileAndWhatIsWrongWithIt) {
  EXPECT_THAT(refusal(), HasSubstr(path("c.pem")));
  put("c.pem", mill_.certificate);
  EXPECT_THAT(refusal(), HasSubstr(path("k.pem")));
  put("k.pem", "nothing of the kind");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path("k.pem")), HasSubstr("no private key in PEM")));
  put("k.pem", testing::encrypted(mill_.key));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path("k.pem")), HasSubstr("is encrypted")));
  put("k.pem", make_certificate("other").key);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path("k.pem")), HasSubstr(path("c.pem")), HasSubstr("is not that of")));
  put("k.pem", mill_.key);
  put("c.pem", mill_.key);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path("c.pem")), HasSubstr("no certificate in PEM")));
  put("c.pem", mill_.certificate + mill_.certificate.substr(0, mill_.certificate.size() / 2));
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path("c.pem")), HasSubstr("chain")));
  put("c.pem", mill_.certificate);
  EXPECT_EQ(refusal(), "accepted");
}

}  // namespace
}  // namespace leat::security
