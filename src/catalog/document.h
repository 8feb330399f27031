#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/uuid.h"

namespace leat::catalog {

// Whether it can be a text of a document: UTF-8.
[[nodiscard]] bool is_text(std::string_view bytes);

// Reading a value of the catalog: a JSON object (docs/formats/catalog.md). What is missing, or not what it should be, reads as
// nothing; the first such thing is what result() tells. Fields that nobody asks for are ignored.
class Document {
 public:
  // Of an entry. It is wrong when its version `v` is above `version`: a newer leat wrote it.
  Document(std::string_view key, std::string_view value, std::int64_t version);

  [[nodiscard]] std::int64_t integer(const char* field, std::int64_t min, std::int64_t max);
  // Whether there is such a field: for those that came later.
  [[nodiscard]] bool has(const char* field) const;
  [[nodiscard]] std::string text(const char* field);
  [[nodiscard]] std::vector<std::string> texts(const char* field);
  [[nodiscard]] bool flag(const char* field);
  [[nodiscard]] double number(const char* field);
  // Not zero.
  [[nodiscard]] Uuid uuid(const char* field);
  [[nodiscard]] std::map<std::string, std::string, std::less<>> text_map(const char* field);
  [[nodiscard]] std::vector<std::int64_t> integers(const char* field, std::int64_t min, std::int64_t max);
  // A list of such lists.
  [[nodiscard]] std::vector<std::vector<std::int64_t>> integer_lists(const char* field, std::int64_t min,
                                                                     std::int64_t max);
  [[nodiscard]] Timestamp time(const char* field) { return Timestamp(integer(field, -1, INT64_MAX)); }
  // The index of the field's text among `words`.
  [[nodiscard]] std::size_t one_of(const char* field, std::span<const std::string_view> words);
  // The objects of a list. They last no longer than this.
  [[nodiscard]] std::vector<Document> list(const char* field);

  void wrong(std::string_view what);
  // Errors: corrupt, unsupported.
  template <class T>
  [[nodiscard]] Result<T> result(T value) const {
    if (const Error* error = this->error()) return fail(*error);
    return value;
  }

 private:
  struct State;
  Document(std::shared_ptr<State> state, const void* object) : state_(std::move(state)), object_(object) {}
  // Values of the JSON library; null: there is none.
  [[nodiscard]] const void* find(const char* field);
  [[nodiscard]] std::int64_t integer_of(const void* json, const char* field, std::int64_t min, std::int64_t max);
  [[nodiscard]] std::vector<std::int64_t> integers_of(const void* json, const char* field, std::int64_t min,
                                                      std::int64_t max);
  [[nodiscard]] const Error* error() const;

  std::shared_ptr<State> state_;
  const void* object_;  // of the JSON library
};

}  // namespace leat::catalog
