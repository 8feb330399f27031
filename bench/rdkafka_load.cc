// Load by librdkafka, as its own performance tool makes it: default batches (1,000,000 bytes or 10,000 records, 5 ms of
// linger) from a full queue, and a consumer that only counts. Prints one line of JSON.
//
//   rdkafka_load produce|consume HOST:PORT TOPIC RECORDS SIZE ACKS [CERTIFICATE]
//
// CERTIFICATE: the file of whom to trust; then TLS is spoken.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string mode, server, topic, acks, certificate;
  std::uint64_t records = 0;
  std::size_t size = 0;
};

struct Counts {
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;
  std::string first_error;
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

void die(const char* what, const char* why) {
  std::fprintf(stderr, "rdkafka_load: %s: %s\n", what, why);
  std::exit(1);
}

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char error[256];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) die(name, error);
}

void set_server(rd_kafka_conf_t* conf, const Arguments& arguments) {
  set(conf, "bootstrap.servers", arguments.server.c_str());
  if (arguments.certificate.empty()) return;
  set(conf, "security.protocol", "ssl");
  set(conf, "ssl.ca.location", arguments.certificate.c_str());
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* counts = static_cast<Counts*>(opaque);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++counts->delivered;
  } else {
    if (counts->first_error.empty()) counts->first_error = rd_kafka_err2str(message->err);
    ++counts->failed;
  }
}

void report(std::uint64_t records, std::size_t size, double seconds, double cpu) {
  std::printf("{\"records\": %" PRIu64
              ", \"seconds\": %.6f, \"records_per_second\": %.1f, \"bytes_per_second\": %.1f, "
              "\"client_cpu_us_per_record\": %.4f}\n",
              records, seconds, static_cast<double>(records) / seconds,
              static_cast<double>(records) * static_cast<double>(size) / seconds,
              cpu * 1e6 / static_cast<double>(records));
}

rd_kafka_t* make(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char error[512];
  rd_kafka_t* const kafka = rd_kafka_new(type, conf, error, sizeof error);
  if (kafka == nullptr) die("cannot start", error);
  return kafka;
}

void produce(const Arguments& arguments) {
  Counts counts;
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  set_server(conf, arguments);
  set(conf, "queue.buffering.max.messages", "500000");
  set(conf, "queue.buffering.max.kbytes", "1048576");
  set(conf, "acks", arguments.acks.c_str());
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_opaque(conf, &counts);
  rd_kafka_t* const kafka = make(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t* const topic = rd_kafka_topic_new(kafka, arguments.topic.c_str(), nullptr);
  std::vector<char> payload(arguments.size);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>('a' + i * 7 % 23);

  const double cpu = cpu_seconds();
  const auto started = Clock::now();
  for (std::uint64_t sent = 0; sent < arguments.records;) {
    if (rd_kafka_produce(topic, 0, 0, payload.data(), payload.size(), nullptr, 0, nullptr) == 0) {
      if (++sent % 1000 == 0) rd_kafka_poll(kafka, 0);
    } else if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(kafka, 10);
    } else {
      die("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  rd_kafka_flush(kafka, 120'000);
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  if (counts.delivered != arguments.records) die("not everything was delivered", counts.first_error.c_str());
  report(counts.delivered, arguments.size, seconds, cpu_seconds() - cpu);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(kafka);
}

void consume(const Arguments& arguments) {
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  set_server(conf, arguments);
  set(conf, "queued.min.messages", "1000000");
  rd_kafka_t* const kafka = make(RD_KAFKA_CONSUMER, conf);
  rd_kafka_topic_t* const topic = rd_kafka_topic_new(kafka, arguments.topic.c_str(), nullptr);
  const double cpu = cpu_seconds();
  auto started = Clock::now();  // of the first records, as librdkafka's own tool counts
  if (rd_kafka_consume_start(topic, 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
    die("consume", rd_kafka_err2str(rd_kafka_last_error()));
  std::vector<rd_kafka_message_t*> messages(10'000);
  std::uint64_t received = 0;
  while (received < arguments.records) {
    const ssize_t got = rd_kafka_consume_batch(topic, 0, 1000, messages.data(), messages.size());
    if (got < 0) die("consume", rd_kafka_err2str(rd_kafka_last_error()));
    if (received == 0 && got > 0) started = Clock::now();
    for (ssize_t i = 0; i < got; ++i) {
      rd_kafka_message_t* const message = messages[static_cast<std::size_t>(i)];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++received;
      rd_kafka_message_destroy(message);
    }
    if (got == 0 && Clock::now() - started > std::chrono::minutes(5)) die("consume", "records are missing");
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  report(received, arguments.size, seconds, cpu_seconds() - cpu);
  rd_kafka_consume_stop(topic, 0);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(kafka);
}

}  // namespace

int main(int count, char** words) {
  if (count != 7 && count != 8) {
    std::fprintf(stderr, "usage: rdkafka_load produce|consume HOST:PORT TOPIC RECORDS SIZE ACKS [CERTIFICATE]\n");
    return 2;
  }
  const Arguments arguments{words[1],
                            words[2],
                            words[3],
                            words[6],
                            count == 8 ? words[7] : "",
                            std::strtoull(words[4], nullptr, 10),
                            std::strtoull(words[5], nullptr, 10)};
  if (arguments.mode == "produce") {
    produce(arguments);
  } else {
    consume(arguments);
  }
  return 0;
}
