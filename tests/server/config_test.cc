#include "server/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "server/config/resolve.h"
#include "server/config/suggest.h"
#include "server/config/table.h"

namespace leat::server {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A machine with 4 cores and 1 GiB, and one file, "leat.toml".
ConfigInput input(std::vector<std::string> args, std::vector<std::pair<std::string, std::string>> environment = {},
                  std::string file = "") {
  ConfigInput made;
  made.args = std::move(args);
  made.environment = std::move(environment);
  made.read_file = [file = std::move(file)](const std::string& path) -> Result<std::string> {
    if (path != "leat.toml") return fail(Errc::not_found, path);
    return file;
  };
  made.cores = 4;
  made.memory_bytes = 1LL << 30;
  return made;
}

ServerConfig load(const ConfigInput& from) {
  auto config = load_config(from);
  EXPECT_TRUE(config) << config.error().message;
  return config ? *config : ServerConfig{};
}

std::string refusal(const ConfigInput& from) {
  const auto config = load_config(from);
  EXPECT_FALSE(config);
  return config ? "" : config.error().message;
}

// What a server says that has no users.
std::string refusal_without_users(const ConfigInput& from) {
  const Status checked = check_listeners_without_users(load(from));
  EXPECT_FALSE(checked);
  return checked ? "" : checked.error().message;
}

std::string file_refusal(const std::string& file) { return refusal(input({"--config", "leat.toml"}, {}, file)); }

TEST(Config, DefaultsListenOnLoopbackAndFitTheMachine) {
  const auto config = load(input({}));
  ASSERT_EQ(config.listeners.size(), 4U);
  EXPECT_EQ(config.listeners[0], (ListenerConfig{ListenerProtocol::kafka, "127.0.0.1", 9092, "127.0.0.1", 0}));
  EXPECT_EQ(config.listeners[1], (ListenerConfig{ListenerProtocol::sqs, "127.0.0.1", 9324, "127.0.0.1", 0}));
  EXPECT_EQ(config.listeners[2], (ListenerConfig{ListenerProtocol::resp, "127.0.0.1", 6379, "127.0.0.1", 0}));
  EXPECT_EQ(config.listeners[3], (ListenerConfig{ListenerProtocol::http, "127.0.0.1", 8080, "127.0.0.1", 0}));
  EXPECT_EQ(config.shards, 4);
  EXPECT_EQ(config.memory.requests_bytes, 128LL << 20);
  EXPECT_EQ(config.flush.policy, FlushPolicy::commit);
  EXPECT_TRUE(config.sources.empty());
}

TEST(Config, MemoryBudgetIsCappedOnALargeMachine) {
  auto from = input({});
  from.memory_bytes = 1LL << 40;
  EXPECT_EQ(load(from).memory.requests_bytes, 512LL << 20);
}

TEST(Config, FlagOverridesVariableOverridesFileOverridesDefault) {
  const std::string file = "shards = 7\nio_threads = 7\n[flush]\nmax_ms = 7\n";
  const auto config =
      load(input({"--config", "leat.toml", "--shards", "9"}, {{"LEAT_SHARDS", "8"}, {"LEAT_IO_THREADS", "8"}}, file));
  EXPECT_EQ(config.shards, 9);
  EXPECT_EQ(config.io_threads, 8);
  EXPECT_EQ(config.flush.max, Milliseconds(7));
  EXPECT_EQ(config.flush.interval, Milliseconds(1000));
  EXPECT_EQ(config.sources.at("shards"), "--shards");
  EXPECT_EQ(config.sources.at("io_threads"), "LEAT_IO_THREADS");
  EXPECT_EQ(config.sources.at("flush.max_ms"), "leat.toml:4");
  EXPECT_FALSE(config.sources.contains("flush.interval_ms"));
}

TEST(Config, EveryKeyIsAFlagAVariableAndAFileKey) {
  const ServerConfig defaults;
  std::set<std::string> names;
  for (const auto& key : config_keys()) {
    SCOPED_TRACE(std::string(key.name));
    for (const auto& name : {flag_of(key), variable_of(key), std::string(key.alias)}) {
      EXPECT_TRUE(name.empty() || names.insert(name).second) << name << " means two things";
    }
    const auto value = plain_value(key, defaults);
    if (value.empty()) continue;  // a list that is empty by default; tested below
    const std::string name(key.name);
    EXPECT_EQ(load(input({flag_of(key) + "=" + value})).sources.count(name), 1U);
    EXPECT_EQ(load(input({}, {{variable_of(key), value}})).sources.at(name), variable_of(key));
    const auto file = fmt::format("{} = {}", key.name, toml_value(key, defaults));
    EXPECT_EQ(load(input({"--config=leat.toml"}, {}, file)).sources.at(name), "leat.toml:1");
  }
}

TEST(Config, AliasesAndBareSwitchesWork) {
  const auto config =
      load(input({"--data", "/d", "--flush", "os", "--log-level=debug", "--log-format", "json", "--insecure",
                  "--kafka.auto-create-topics=false", "--log.retention-bytes", "-1", "--node.id", "3"}));
  EXPECT_EQ(config.data_dir, "/d");
  EXPECT_EQ(config.flush.policy, FlushPolicy::os);
  EXPECT_EQ(config.logging.level, LogLevel::debug);
  EXPECT_EQ(config.logging.format, LogOutput::json);
  EXPECT_TRUE(config.insecure);
  EXPECT_FALSE(config.kafka.auto_create_topics);
  EXPECT_EQ(config.log.retention_bytes, -1);
  EXPECT_EQ(config.node.id, 3);
  EXPECT_EQ(config.sources.at("flush.policy"), "--flush");
}

TEST(Config, LastOfARepeatedFlagCounts) { EXPECT_EQ(load(input({"--shards", "2", "--shards", "3"})).shards, 3); }

TEST(Config, SizesAndDurationsTakeUnits) {
  const auto config = load(input({"--log.segment-bytes=64MiB", "--log.retention-ms=7d", "--flush.interval-ms", "5s",
                                  "--offsets.retention-minutes", "2h", "--group.min-session-timeout-ms=10ms"},
                                 {{"LEAT_LOG_SEGMENT_MS", "1min"}}));
  EXPECT_EQ(config.log.segment_bytes, 64LL << 20);
  EXPECT_EQ(config.log.retention, Milliseconds(7LL * 86'400'000));
  EXPECT_EQ(config.log.segment_age, Milliseconds(60'000));
  EXPECT_EQ(config.flush.interval, Milliseconds(5000));
  EXPECT_EQ(config.offsets.retention, Milliseconds(7'200'000));
  EXPECT_EQ(config.group.min_session_timeout, Milliseconds(10));
  EXPECT_EQ(load(input({"--offsets.retention-minutes=10"})).offsets.retention, Milliseconds(600'000));
}

TEST(Config, ValuesOutsideAKeysTypeOrLimitsAreRefusedWithWhereAndWhat) {
  EXPECT_THAT(refusal(input({"--shards", "many"})), AllOf(HasSubstr("--shards: 'many'"), HasSubstr("whole number")));
  EXPECT_THAT(refusal(input({"--shards", "2000"})), HasSubstr("2000 is outside 0 to 1024"));
  EXPECT_THAT(refusal(input({"--shards", "99999999999999999999"})), HasSubstr("whole number"));
  EXPECT_THAT(refusal(input({"--log.segment-bytes=9000000TiB"})), HasSubstr("is not a number of bytes"));
  EXPECT_THAT(refusal(input({"--flush", "sometimes"})), HasSubstr("one of commit, interval, os"));
  EXPECT_THAT(refusal(input({"--log.cleanup-policy=shred"})), HasSubstr("compact"));
  EXPECT_THAT(refusal(input({"--log.min-cleanable-dirty-ratio=2"})), HasSubstr("outside 0 to 1"));
  EXPECT_THAT(refusal(input({"--log.min-cleanable-dirty-ratio=nan"})), HasSubstr("0.5"));
  EXPECT_THAT(refusal(input({}, {{"LEAT_FLUSH_MAX_MS", "5 parsecs"}})),
              AllOf(HasSubstr("LEAT_FLUSH_MAX_MS: '5 parsecs'"), HasSubstr("milliseconds")));
  EXPECT_THAT(file_refusal("[kafka]\nauto_create_topics = \"maybe\"\n"),
              AllOf(HasSubstr("leat.toml:2: kafka.auto_create_topics: 'maybe'"), HasSubstr("true or false")));
  EXPECT_THAT(refusal(input({"--kafka.auto-create-topics=maybe"})), HasSubstr("maybe"));
  EXPECT_THAT(file_refusal("shards = [1, 2]"), HasSubstr("one value"));
  EXPECT_THAT(refusal(input({"--data="})), HasSubstr("data"));
}

TEST(Config, UnknownNamesAreRefusedWithTheNearestKnownOne) {
  EXPECT_THAT(refusal(input({"--shard", "2"})), HasSubstr("unknown flag '--shard'; did you mean '--shards'?"));
  EXPECT_THAT(refusal(input({"--flush.mx-ms=5"})), HasSubstr("did you mean '--flush.max-ms'?"));
  EXPECT_THAT(refusal(input({"--zzzzzzzzzzzz"})), AllOf(HasSubstr("unknown flag"), Not(HasSubstr("did you mean"))));
  EXPECT_THAT(refusal(input({"here"})), HasSubstr("unexpected argument 'here'"));
  EXPECT_THAT(refusal(input({}, {{"LEAT_FLUSH_MAXMS", "5"}})), HasSubstr("did you mean 'LEAT_FLUSH_MAX_MS'?"));
  EXPECT_THAT(file_refusal("[flush]\nmaxms = 5\n"),
              HasSubstr("leat.toml:2: unknown key 'flush.maxms'; did you mean 'flush.max_ms'?"));
  EXPECT_THAT(file_refusal("flush = \"os\"\n"), HasSubstr("did you mean 'flush.policy'?"));
  EXPECT_THAT(file_refusal("[[flush]]\nmax_ms = 5\n"), HasSubstr("unknown key 'flush'"));
}

TEST(Config, FlagWithoutItsValueIsRefused) { EXPECT_THAT(refusal(input({"--shards"})), HasSubstr("--shards")); }

TEST(Config, BrokenTomlNamesTheLine) {
  EXPECT_THAT(file_refusal("shards = 2\nshards = = 3\n"), HasSubstr("leat.toml:2: not valid TOML"));
}

TEST(Config, MissingFileIsAnError) { EXPECT_FALSE(load_config(input({"--config", "other.toml"}))); }

TEST(Config, ReadsTheProcessItsMachineAndARealFile) {
  const auto path = testing::TempDir() + "leat-config-test.toml";
  std::ofstream(path) << "shards = 5\n";
  const std::vector<std::string> args{"--config", path};
  auto from = process_input(args);
  EXPECT_GE(from.cores, 1);
  EXPECT_GT(from.memory_bytes, 0);
  EXPECT_FALSE(from.environment.empty());
  from.environment.clear();
  EXPECT_EQ(load(from).shards, 5);
  std::ofstream(path) << std::string((1 << 20) + 1, '#');
  EXPECT_THAT(refusal(from), HasSubstr("above 1 MiB"));
  std::remove(path.c_str());
  EXPECT_THAT(refusal(from), AllOf(HasSubstr(path), HasSubstr("--config")));
  from.args = {"--config", testing::TempDir()};
  EXPECT_FALSE(load_config(from));
}

TEST(Config, FileCanBeNamedByTheEnvironment) {
  EXPECT_EQ(load(input({}, {{"LEAT_CONFIG", "leat.toml"}}, "shards = 3")).shards, 3);
}

TEST(Config, ForeignVariablesEmptyOnesAndServiceLinksAreIgnored) {
  const auto config = load(input({}, {{"LEATHER", "x"},
                                      {"LEAT_SHARDS", ""},
                                      {"LEAT_PORT", "tcp://10.0.0.1:9092"},
                                      {"LEAT_PORT_9092_TCP", "x"},
                                      {"LEAT_SERVICE_HOST", "10.0.0.1"}}));
  EXPECT_TRUE(config.sources.empty());
}

TEST(Config, ListenersReplaceTheDefaultsFromEverySource) {
  const std::vector<ListenerConfig> wanted{{ListenerProtocol::kafka, "127.0.0.1", 1, "127.0.0.1", 0},
                                           {ListenerProtocol::http, "::1", 2, "::1", 0}};
  EXPECT_EQ(load(input({"--listen", "kafka=127.0.0.1:1", "--listen=http=[::1]:2"})).listeners, wanted);
  EXPECT_EQ(load(input({}, {{"LEAT_LISTEN", "kafka=127.0.0.1:1,http=[::1]:2"}})).listeners, wanted);
  EXPECT_EQ(load(input({"--config=leat.toml"}, {}, "listen = [\"kafka=127.0.0.1:1\", \"http=[::1]:2\"]")).listeners,
            wanted);
}

TEST(Config, ListenersWithTlsNeedACertificate) {
  for (const auto* text : {"kafka+tls=127.0.0.1:1", "sqs+tls=127.0.0.1:1", "http+tls=127.0.0.1:1"}) {
    const auto listen = fmt::format("--listen={}", text);
    EXPECT_THAT(refusal(input({listen})), AllOf(HasSubstr(text), HasSubstr("needs a certificate"))) << text;
    EXPECT_THAT(refusal(input({listen, "--tls.certificate=c.pem"})), HasSubstr("set tls.certificate and tls.key"));
    const auto config = load(input({listen, "--tls.certificate=c.pem", "--tls.key=k.pem"}));
    ASSERT_EQ(config.listeners.size(), 1U);
    EXPECT_TRUE(config.listeners[0].is_tls);
    EXPECT_EQ(config.tls.certificate, "c.pem");
    EXPECT_EQ(config.tls.key, "k.pem");
  }
  EXPECT_THAT(refusal(input({"--listen=kafka+ssl=127.0.0.1:1"})), HasSubstr("with +tls or without"));
  EXPECT_THAT(refusal_without_users(input({"--listen=sqs+tls=10.0.0.1:1", "--tls.certificate=c", "--tls.key=k"})),
              AllOf(HasSubstr("sqs+tls=10.0.0.1:1"), HasSubstr("no authentication is configured")));
}

TEST(Config, AdvertisedAddressesOfTlsListenersAreTheirOwn) {
  const auto config = load(input({"--listen=kafka=127.0.0.1:1,kafka+tls=127.0.0.1:2", "--advertise=kafka+tls=mill:9093",
                                  "--tls.certificate=c", "--tls.key=k"}));
  EXPECT_FALSE(config.listeners[0].is_tls);
  EXPECT_EQ(config.listeners[0].advertised_host, "127.0.0.1");
  EXPECT_TRUE(config.listeners[1].is_tls);
  EXPECT_EQ(config.listeners[1].advertised_host, "mill");
  EXPECT_EQ(config.listeners[1].advertised_port, 9093);
  EXPECT_THAT(refusal(input({"--listen=kafka=127.0.0.1:1", "--advertise=kafka+tls=mill:9093"})),
              HasSubstr("no kafka+tls listener"));
}

TEST(Config, MalformedListenersAreRefused) {
  for (const auto* text : {"9092", "kafka=9092", "smtp=127.0.0.1:25", "kafka=127.0.0.1:", "kafka=127.0.0.1:65536",
                           "kafka=127.0.0.1:1x", "kafka=:9092", "kafka=::1:9092", "kafka=[::1:9092", "kafka=a b:1"}) {
    EXPECT_THAT(refusal(input({"--listen", text})), HasSubstr("write it as kafka=127.0.0.1:9092")) << text;
  }
  EXPECT_THAT(refusal(input({"--listen=kafka=127.0.0.1:1,http=127.0.0.1:1"})), HasSubstr("listed twice"));
  EXPECT_THAT(file_refusal("listen = []"), HasSubstr("the list is empty"));
  EXPECT_EQ(load(input({"--listen=kafka=127.0.0.1:0,http=127.0.0.1:0"})).listeners.size(), 2U);
}

TEST(Config, AdvertisedAddressesGoToTheListenersOfTheirProtocolInOrder) {
  const auto config = load(input({"--listen=kafka=127.0.0.1:1,http=127.0.0.1:2,kafka=127.0.0.1:3", "--advertise",
                                  "kafka=a:9", "--advertise", "kafka=b:0"}));
  EXPECT_EQ(config.listeners[0].advertised_host, "a");
  EXPECT_EQ(config.listeners[0].advertised_port, 9);
  EXPECT_EQ(config.listeners[1].advertised_host, "127.0.0.1");
  EXPECT_EQ(config.listeners[2].advertised_host, "b");
  EXPECT_EQ(config.listeners[2].advertised_port, 0);
  EXPECT_THAT(refusal(input({"--listen=kafka=127.0.0.1:1", "--advertise=http=a:9"})), HasSubstr("no http listener"));
  EXPECT_THAT(refusal(input({"--advertise=kafka=0.0.0.0:9"})), HasSubstr("clients cannot connect to 0.0.0.0"));
}

TEST(Config, AddressesBeyondLoopbackNeedInsecure) {
  for (const auto* host : {"0.0.0.0", "10.1.2.3", "[::]", "[2001:db8::1]", "example.org", "[::ffff:10.0.0.1]"}) {
    const auto listen = fmt::format("--listen=sqs={}:9324", host);
    EXPECT_THAT(refusal_without_users(input({listen})),
                AllOf(HasSubstr("no authentication is configured"), HasSubstr("--insecure")))
        << host;
    EXPECT_TRUE(check_listeners_without_users(load(input({listen, "--insecure"})))) << host;
  }
  for (const auto* host : {"127.0.0.1", "127.9.9.9", "[::1]", "localhost", "[::ffff:127.0.0.1]"}) {
    EXPECT_TRUE(check_listeners_without_users(load(input({fmt::format("--listen=sqs={}:9324", host)})))) << host;
  }
}

TEST(Config, ProtocolsThatKnowUsersAreForLoopbackUntilThereAreSome) {
  for (const auto* listen : {"--listen=http=10.0.0.1:8080", "--listen=kafka=10.0.0.1:9092"}) {
    const auto refused = check_listeners_without_users(load(input({listen})));
    ASSERT_FALSE(refused) << listen;
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("leat user add"), HasSubstr("--insecure")));
    EXPECT_TRUE(check_listeners_without_users(load(input({listen, "--insecure"}))));
  }
  EXPECT_TRUE(check_listeners_without_users(load(input({"--listen=kafka=127.0.0.1:9092"}))));
  EXPECT_TRUE(
      check_listeners_without_users(load(input({"--listen=sqs=10.0.0.1:1"}, {{"LEAT_SQS_ACCESS_KEYS", "A=b"}}))));
}

TEST(Config, KafkaOnEveryAddressNeedsAnAdvertisedOne) {
  EXPECT_THAT(refusal(input({"--insecure", "--listen=kafka=0.0.0.0:9092"})), HasSubstr("--advertise kafka=HOST:9092"));
  const auto config = load(input({"--insecure", "--listen=kafka=0.0.0.0:9092", "--advertise=kafka=db1:9092"}));
  EXPECT_EQ(config.listeners[0].advertised_host, "db1");
}

TEST(Config, ContradictionsBetweenKeysAreRefused) {
  EXPECT_THAT(refusal(input({"--group.min-session-timeout-ms=10", "--group.max-session-timeout-ms=9"})),
              HasSubstr("above"));
  EXPECT_THAT(refusal(input({"--log.message-max-bytes=200MiB"})), HasSubstr("kafka.request_max_bytes"));
  EXPECT_THAT(refusal(input({"--memory.requests-bytes=1"})), HasSubstr("16MiB"));
}

TEST(Config, RenderedConfigurationLoadsToTheSameValues) {
  const auto first = load(input({"--data", "a \"b\"\\c", "--flush=interval", "--log.min-cleanable-dirty-ratio=0.25",
                                 "--listen=kafka=127.0.0.1:1", "--offsets.retention-minutes=90s"}));
  const auto text = render_config(first);
  EXPECT_THAT(text, AllOf(HasSubstr("policy = \"interval\""), HasSubstr("# --flush\n"), HasSubstr("# default\n")));
  const auto second = load(input({"--config", "leat.toml"}, {}, text));
  for (const auto& key : config_keys()) EXPECT_EQ(plain_value(key, first), plain_value(key, second)) << key.name;
}

TEST(Config, HelpNamesEveryKey) {
  const auto help = config_help();
  for (const auto& key : config_keys()) {
    const auto flag = key.is_secret ? "(no flag)" : flag_of(key);
    EXPECT_THAT(help, HasSubstr(fmt::format("{} {}  [{}]", flag, key.shape, variable_of(key))));
    EXPECT_TRUE(key.help.ends_with(".")) << key.name;
  }
}

std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

constexpr std::string_view kTableBegin = "<!-- table: begin -->\n";
constexpr std::string_view kTableEnd = "<!-- table: end -->\n";

// With LEAT_UPDATE_DOCS=1 in the environment the document is rewritten instead.
TEST(ConfigDocument, HasTheTableOfTheCode) {
  const std::string path = LEAT_SOURCE_DIR "/docs/configuration.md";
  const auto document = read_text(path);
  const auto begin = document.find(kTableBegin);
  const auto end = document.find(kTableEnd);
  ASSERT_NE(begin, std::string::npos);
  ASSERT_NE(end, std::string::npos);
  const auto from = begin + kTableBegin.size();
  if (std::getenv("LEAT_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << document.substr(0, from) << config_markdown() << document.substr(end);
    return;
  }
  EXPECT_TRUE(document.substr(from, end - from) == config_markdown()) << "run this test with LEAT_UPDATE_DOCS=1";
}

TEST(ConfigDocument, ItsExampleFileLoads) {
  const auto document = read_text(LEAT_SOURCE_DIR "/docs/configuration.md");
  const auto begin = document.find("```toml\n");
  ASSERT_NE(begin, std::string::npos);
  const auto from = begin + 8;
  const auto config =
      load(input({"--config", "leat.toml"}, {}, document.substr(from, document.find("```", from) - from)));
  EXPECT_FALSE(config.sources.empty());
}

TEST(Config, ThePasswordOpensRespToOthersAndIsNeverShown) {
  EXPECT_THAT(refusal_without_users(input({"--listen=resp=10.0.0.1:6379"})), HasSubstr("resp.password"));
  const auto config = load(input({"--listen=resp=10.0.0.1:6379"}, {{"LEAT_RESP_PASSWORD", "sEcReT"}}));
  EXPECT_EQ(config.resp.password, "sEcReT");
  EXPECT_THAT(render_config(config), AllOf(HasSubstr("***"), Not(HasSubstr("sEcReT"))));
}

TEST(Config, DurabilityIsOfADatabaseThatThereIs) {
  EXPECT_EQ(load(input({"--resp.durability-of=1=none,15=commit"})).resp.durability_of.size(), 2U);
  for (const auto* wrong : {"none", "16=none", "-1=none", "x=none", "1=never", "1="}) {
    EXPECT_THAT(refusal(input({"--resp.durability-of", wrong})), HasSubstr("resp.durability_of")) << wrong;
  }
  EXPECT_THAT(refusal(input({"--resp.durability=always"})), HasSubstr("resp.durability"));
  EXPECT_THAT(refusal(input({"--resp.eviction=lru"})), HasSubstr("resp.eviction"));
}

TEST(Config, AccessKeysOpenSqsToOthersAndAreNeverShown) {
  EXPECT_THAT(refusal_without_users(input({"--listen=sqs=10.0.0.1:9324"})), HasSubstr("sqs.access_keys"));
  const auto config = load(input({"--listen=sqs=10.0.0.1:9324"}, {{"LEAT_SQS_ACCESS_KEYS", "A=sEcReT=1,B=sEcReT2"}}));
  EXPECT_EQ(config.sqs.access_keys, (std::vector<std::string>{"A=sEcReT=1", "B=sEcReT2"}));
  const auto shown = render_config(config);
  EXPECT_THAT(shown, AllOf(HasSubstr(R"(["A=***", "B=***"])"), Not(HasSubstr("sEcReT"))));
  for (const auto* text : {"sEcReT", "=sEcReT", "ID=", "ID=sEcReT,"}) {
    const auto refused = refusal(input({}, {{"LEAT_SQS_ACCESS_KEYS", text}}));
    EXPECT_THAT(refused, AllOf(HasSubstr("ID=SECRET"), Not(HasSubstr("sEcReT")))) << text;
  }
}

TEST(Config, SecretsAreNoFlagsWhichOthersCouldSee) {
  std::size_t secrets = 0;
  for (const auto& key : config_keys()) {
    if (!key.is_secret) continue;
    ++secrets;
    const std::string flag = flag_of(key);
    for (const auto& args :
         {std::vector<std::string>{flag, "A=sEcReT"}, std::vector<std::string>{flag + "=A=sEcReT"}}) {
      EXPECT_THAT(refusal(input(args)),
                  AllOf(HasSubstr(flag + ": a secret cannot be a flag"), HasSubstr(variable_of(key)),
                        HasSubstr(key.name), Not(HasSubstr("sEcReT"))));
    }
    EXPECT_THAT(config_help(), AllOf(Not(HasSubstr(flag + " ")), HasSubstr(variable_of(key))));
    EXPECT_THAT(config_markdown(), Not(HasSubstr(flag)));
    const auto value = key.name == "sqs.access_keys" ? R"(["A=sEcReT"])" : R"("A=sEcReT")";
    EXPECT_EQ(load(input({}, {{variable_of(key), "A=sEcReT"}})).sources.at(std::string(key.name)), variable_of(key));
    EXPECT_EQ(load(input({"--config=leat.toml"}, {}, fmt::format("{} = {}", key.name, value))).sources.size(), 1U);
  }
  EXPECT_EQ(secrets, 2U);
  EXPECT_THAT(refusal(input({"--resp.passwrod=sEcReT"})), Not(HasSubstr("sEcReT")));
}

TEST(Suggest, CountsInsertionsRemovalsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
  EXPECT_EQ(edit_distance("shards", "shrads"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace leat::server
