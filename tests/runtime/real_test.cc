#include "runtime/real.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <thread>

#include "runtime/call.h"
#include "runtime/file.h"
#include "runtime/network.h"
#include "runtime/sync.h"
#include "tests/runtime/homes.h"

namespace leat::runtime {
namespace {

using namespace std::chrono_literals;

Task<> raise_and_wait(Notifier& signalled) {
  ::raise(SIGTERM);
  co_await signalled.wait();
  ::raise(SIGINT);
  co_await signalled.wait();
}

TEST(RealRuntime, StopSignalsReachShardZeroEveryTime) {
  const auto runtime = RealRuntime::create({.shards = 2, .io_threads = 1});
  Notifier signalled;
  std::vector<int> numbers;
  runtime->on_stop_signal([&](int number) {
    EXPECT_TRUE(Shard::is_current(*runtime->shards().front()));
    numbers.push_back(number);
    signalled.notify_all();
  });
  runtime->run([&] { return raise_and_wait(signalled); });
  EXPECT_EQ(numbers, (std::vector<int>{SIGTERM, SIGINT}));
}

Task<> accept_without_descriptors() {
  Network& network = Shard::current().network();
  auto listener = network.listen("127.0.0.1", 0);
  CO_REQUIRE(listener.has_value());
  const std::string host = "127.0.0.1";
  auto client = co_await network.connect(host, (*listener)->port());
  CO_REQUIRE(client.has_value());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  const auto refused = co_await (*listener)->accept();
  ::setrlimit(RLIMIT_NOFILE, &before);
  CO_REQUIRE(!refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::io);
  EXPECT_TRUE((co_await (*listener)->accept()).has_value()) << "the connection waits until there are descriptors";
}

TEST(RealNetwork, AcceptWithoutDescriptorsIsAnErrorAndLosesNoConnection) {
  RealRuntime::create({})->run([] { return accept_without_descriptors(); });
}

// A socket that listens, and takes no more than the first connections.
class Crowded {
 public:
  Crowded() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    for (int& client : clients_) {
      client = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)::connect(client, reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  Crowded(const Crowded&) = delete;
  Crowded& operator=(const Crowded&) = delete;
  ~Crowded() {
    for (const int client : clients_) ::close(client);
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int listener_;
  std::array<int, 8> clients_{};
  std::uint16_t port_ = 0;
};

Task<> connect_where_nobody_answers() {
  const Crowded crowded;
  const std::string host = "127.0.0.1";
  const auto late = co_await Shard::current().network().connect(host, crowded.port(), 50ms);
  CO_REQUIRE(!late.has_value());
  EXPECT_EQ(late.error().code, Errc::timed_out) << late.error().message;
}

TEST(RealNetwork, ConnectGivesUpWhenItsPatienceIsOver) {
  RealRuntime::create({})->run([] { return connect_where_nobody_answers(); });
}

Task<> accept_over_ipv6(bool& available) {
  Network& network = Shard::current().network();
  const std::string host = "::1";
  auto listener = network.listen(host, 0);
  if (!listener) co_return;
  auto client = co_await network.connect(host, (*listener)->port());
  CO_REQUIRE(client.has_value());
  auto accepted = co_await (*listener)->accept();
  CO_REQUIRE(accepted.has_value());
  available = true;
  EXPECT_EQ((*client)->peer(), fmt::format("[::1]:{}", (*listener)->port()));
  EXPECT_TRUE((*accepted)->attach()->peer().starts_with("[::1]:"));
}

TEST(RealNetwork, ListensAndConnectsOverIpv6) {
  bool available = false;
  RealRuntime::create({})->run([&] { return accept_over_ipv6(available); });
  if (!available) GTEST_SKIP() << "this machine has no IPv6 loopback";
}

Task<> many_round_trips(Shard& other, int& done) {
  for (int i = 0; i < 2000; ++i) {
    co_await call_on(other, sleep_for, Duration{0});
    co_await run_blocking([&done] { ++done; });
  }
}

TEST(RealRuntime, NoWakeUpIsLostBetweenShardsAndPool) {
  const auto runtime = RealRuntime::create({.shards = 2, .io_threads = 2});
  int done = 0;
  runtime->run([&] { return many_round_trips(*runtime->shards()[1], done); });
  EXPECT_EQ(done, 2000);
}

Task<> use_processor_while_idle(Duration& used) {
  const auto processor_time = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  const auto before = processor_time();
  co_await sleep_for(200ms);
  used = processor_time() - before;
}

TEST(RealRuntime, AnIdleLoopSleepsInTheKernel) {
  Duration used{};
  RealRuntime::create({})->run([&] { return use_processor_while_idle(used); });
  EXPECT_LT(used, 100ms) << "of 200 ms; a loop that spins uses all of them";
}

struct Later {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) const { Shard::current().resume_later(awaiting); }
  void await_resume() const noexcept {}
};

Task<> end_turn(std::vector<std::string>& order) {
  co_await Later{};
  order.emplace_back("end of turn");
}

Task<> pass_on(Socket& from, Socket& to, std::vector<std::string>& order) {
  (void)co_await from.read_shared();
  order.emplace_back("first");
  (void)to.write_at_once(as_bytes("x"));
  co_await end_turn(order);
}

Task<> take(Socket& from, std::vector<std::string>& order) {
  (void)co_await from.read_shared();
  order.emplace_back("second");
}

struct Ends {
  std::unique_ptr<Socket> client;
  std::unique_ptr<Socket> server;
};

Task<Ends> connect_to_itself() {
  Network& network = Shard::current().network();
  auto listener = network.listen("127.0.0.1", 0);
  EXPECT_TRUE(listener);
  const std::string host = "127.0.0.1";
  auto client = co_await network.connect(host, (*listener)->port());
  auto accepted = co_await (*listener)->accept();
  EXPECT_TRUE(client && accepted);
  co_return Ends{std::move(*client), (*accepted)->attach()};
}

Task<> pass_on_often(int& in_one_turn) {
  const Ends one = co_await connect_to_itself();
  const Ends two = co_await connect_to_itself();
  for (int i = 0; i < 50; ++i) {
    std::vector<std::string> order;
    TaskScope scope;
    scope.spawn(take(*two.server, order));
    scope.spawn(pass_on(*one.server, *two.client, order));
    (void)one.client->write_at_once(as_bytes("x"));
    co_await scope.join();
    if (order == std::vector<std::string>{"first", "second", "end of turn"}) ++in_one_turn;
  }
}

// What is done once a turn is done for all of it: half of the rate of a fan-out.
TEST(RealRuntime, ATurnTakesWhatHappensMeanwhile) {
  int in_one_turn = 0;
  RealRuntime::create({})->run([&] { return pass_on_often(in_one_turn); });
  EXPECT_GT(in_one_turn, 25) << "of 50; the system may deliver some later";
}

// Makes epoll_pwait2 what it is on a kernel that has none.
void forbid_precise_waits() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
  ASSERT_EQ(::syscall(SYS_epoll_pwait2, -1, nullptr, 0, nullptr, nullptr, 0), -1);
  ASSERT_EQ(errno, ENOSYS);
}

Task<> sleep_a_little(MonoTime& woken) {
  const MonoTime deadline = Shard::current().now() + 2500us;
  co_await sleep_until(deadline);
  if (Shard::current().now() >= deadline) woken = Shard::current().now();
}

TEST(RealRuntime, SleepsOnAKernelThatWaitsForWholeMilliseconds) {
  MonoTime woken{};
  std::thread([&] {
    forbid_precise_waits();  // this thread and those that it starts
    RealRuntime::create({})->run([&] { return sleep_a_little(woken); });
  }).join();
  EXPECT_NE(woken, MonoTime{});
}

TEST(RealFiles, DroppedPagesAreNotCachedAndPrefetchedOnesAre) {
  const auto home = testing::make_real_home(1);
  auto opened = real_files().open(join_path(home->folder(), "data"), OpenMode::create);
  ASSERT_TRUE(opened);
  File& file = **opened;
  const std::string content(1 << 20, 'x');
  ASSERT_TRUE(file.write_at(as_bytes(content), 0));
  EXPECT_TRUE(file.is_cached(0, content.size()));
  ASSERT_TRUE(file.sync());
  file.drop_cache();
  if (file.is_cached(0, content.size())) GTEST_SKIP() << "this file system keeps its pages";
  file.prefetch(0, content.size());
  EXPECT_TRUE(file.is_cached(0, content.size()));
  EXPECT_TRUE(file.is_cached(0, 10 * content.size()));
}

}  // namespace
}  // namespace leat::runtime
