#include "tests/protocol/http/raw_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace leat::http::testing {
namespace {

void require(bool is_fine, const char* what) {
  if (!is_fine) throw std::runtime_error(std::string("test server: ") + what);
}

bool read_more(int socket, SSL* tls, std::string& input) {
  std::array<char, 65536> block;
  const auto count = tls != nullptr ? SSL_read(tls, block.data(), static_cast<int>(block.size()))
                                    : ::recv(socket, block.data(), block.size(), 0);
  if (count <= 0) return false;
  input.append(block.data(), static_cast<std::size_t>(count));
  return true;
}

bool write_all(int socket, SSL* tls, std::string_view output) {
  while (!output.empty()) {
    const auto count = tls != nullptr ? SSL_write(tls, output.data(), static_cast<int>(output.size()))
                                      : ::send(socket, output.data(), output.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    output.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// The next request of `input`, taken from it.
std::optional<std::string> read_request(int socket, SSL* tls, std::string& input) {
  std::size_t head_end = 0;
  while ((head_end = input.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more(socket, tls, input)) return std::nullopt;
  }
  const std::string name = "Content-Length: ";
  const auto length_at = input.substr(0, head_end).find(name);
  const std::size_t length =
      length_at == std::string::npos ? 0 : std::strtoul(input.c_str() + length_at + name.size(), nullptr, 10);
  while (input.size() < head_end + 4 + length) {
    if (!read_more(socket, tls, input)) return std::nullopt;
  }
  std::string request = input.substr(0, head_end + 4 + length);
  input.erase(0, request.size());
  return request;
}

}  // namespace

RawServer::RawServer(Answer answer, SSL_CTX* tls) : answer_(std::move(answer)), tls_(tls) {
  listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  require(::bind(listening_, raw, size) == 0 && ::listen(listening_, 128) == 0, "bind");
  require(::getsockname(listening_, raw, &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

RawServer::~RawServer() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    for (const Connection& connection : connections_) {
      if (connection.socket >= 0) ::shutdown(connection.socket, SHUT_RDWR);
    }
  }
  ::shutdown(listening_, SHUT_RDWR);
  acceptor_.join();
  for (Connection& connection : connections_) connection.thread.join();
  ::close(listening_);
}

std::string RawServer::url(const std::string& path) const {
  return fmt::format("{}:{}{}", tls_ != nullptr ? "https://localhost" : "http://127.0.0.1", port_, path);
}

void RawServer::accept_all() {
  while (true) {
    const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (is_ending_ && socket >= 0) ::close(socket);
    if (is_ending_ || socket < 0) return;
    ++accepted_;
    open_max_ = std::max<int>(open_max_, ++open_);
    Connection& connection = connections_.emplace_back();
    connection.socket = socket;
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void RawServer::serve(Connection& connection) {
  int socket = -1;
  {
    const std::lock_guard lock(mutex_);
    socket = connection.socket;
  }
  if (tls_ == nullptr) {
    answer_all(socket, nullptr);
  } else {
    SSL* tls = SSL_new(tls_);
    SSL_set_fd(tls, socket);
    if (SSL_accept(tls) == 1) answer_all(socket, tls);
    SSL_free(tls);
  }
  const std::lock_guard lock(mutex_);
  --open_;
  ::close(connection.socket);
  connection.socket = -1;
}

void RawServer::answer_all(int socket, SSL* tls) {
  std::string input;
  while (const auto request = read_request(socket, tls, input)) {
    ++requests_;
    const auto answer = answer_(*request);
    if (!answer) {
      while (read_more(socket, tls, input)) {}
      return;
    }
    if (!write_all(socket, tls, *answer) || answer->contains("Connection: close\r\n")) return;
  }
}

std::string raw_response(int status, const std::string& body, const std::string& more_headers) {
  return fmt::format("HTTP/1.1 {} Said\r\n{}Content-Length: {}\r\n\r\n{}", status, more_headers, body.size(), body);
}

TlsIdentity::TlsIdentity() : context_(SSL_CTX_new(TLS_server_method())) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  const bool is_made = X509_sign(certificate, key, EVP_sha256()) > 0 &&
                       SSL_CTX_use_certificate(context_.get(), certificate) == 1 &&
                       SSL_CTX_use_PrivateKey(context_.get(), key) == 1;
  std::string path = "/tmp/leat-test-certificate-XXXXXX";
  const int descriptor = ::mkstemp(path.data());
  require(is_made && descriptor >= 0, "certificate");
  file_ = path;
  std::FILE* file = ::fdopen(descriptor, "w");
  const bool is_written = PEM_write_X509(file, certificate) == 1;
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  require(is_written, "certificate file");
}

TlsIdentity::~TlsIdentity() { ::unlink(file_.c_str()); }

}  // namespace leat::http::testing
