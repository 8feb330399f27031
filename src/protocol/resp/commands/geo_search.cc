#include "protocol/resp/commands/geo_search.h"

#include <algorithm>
#include <vector>

#include "protocol/resp/commands/partial_sort.h"
#include "protocol/resp/commands/sorted_sets.h"

// GEOSEARCH, and the commands that it replaces, which search circles.
namespace leat::resp::geo {
namespace {

using keyspace::Element;
using keyspace::ZSet;
using keyspace::geo::Cell;
using keyspace::geo::Point;
using keyspace::geo::Shape;

enum class Form : std::uint8_t { radius, radius_by_member, search, search_store };
enum class Order : std::uint8_t { none, ascending, descending };

// One of these commands: which it is, its arguments as far as they are read, and what they say.
struct Search {
  Call& call;
  Form form;
  bool may_store;  // STORE and STOREDIST are understood

  ZSet* source = nullptr;
  Shape shape;
  double unit = 1;  // in metres
  bool has_center = false;
  bool from_member = false;
  bool has_shape = false;
  bool with_distance = false;
  bool with_hash = false;
  bool with_point = false;
  Order order = Order::none;
  std::size_t count = 0;  // 0: all
  bool any = false;
  std::optional<std::string_view> store_at = {};
  bool store_distance = false;

  void run();

 private:
  [[nodiscard]] bool is_search() const { return form == Form::search || form == Form::search_store; }
  bool refuse(std::string_view why) const {
    call.reply.error(why);
    return false;
  }
  // These take what stands at args[index] and behind it. False: they replied with an error.
  bool take_center(std::size_t index);
  bool take_member(std::size_t index);
  bool take_radius(std::size_t index);
  bool take_box(std::size_t index);
  bool take_count(std::size_t index);
  bool take_leading(std::size_t& index);
  bool take_words(std::size_t index);
  // Whether a word at args[index] says what to search, with its arguments, whose number is then in `taken`; `failed`: it
  // replied with an error.
  bool take_shape_word(std::size_t index, std::size_t& taken, bool& failed);
  bool check();
};

struct Found {
  Element member;
  double score;
  Point point;
  double distance;
  std::size_t index;  // in the order of coming
};

bool Search::take_center(std::size_t index) {
  const auto point = parse_point(call, index);
  if (point) shape.center = *point;
  return has_center = point.has_value();
}

bool Search::take_member(std::size_t index) {
  from_member = true;
  if (source == nullptr) return true;
  const auto score = source->score(call[index]);
  if (!score) return refuse("ERR could not decode requested zset member");
  shape.center = keyspace::geo::point_of(*score);
  return true;
}

bool Search::take_radius(std::size_t index) {
  const auto radius = call.real(index, "ERR need numeric radius");
  if (!radius) return false;
  if (*radius < 0) return refuse("ERR radius cannot be negative");
  const auto given = parse_unit(call, index + 1);
  if (!given) return false;
  unit = *given;
  shape.radius = *radius * unit;
  return has_shape = true;
}

bool Search::take_box(std::size_t index) {
  const auto width = call.real(index, "ERR need numeric width");
  if (!width) return false;
  const auto height = call.real(index + 1, "ERR need numeric height");
  if (!height) return false;
  if (*width < 0 || *height < 0) return refuse("ERR height or width cannot be negative");
  const auto given = parse_unit(call, index + 2);
  if (!given) return false;
  unit = *given;
  shape.is_box = true;
  shape.width = *width * unit;
  shape.height = *height * unit;
  return has_shape = true;
}

bool Search::take_count(std::size_t index) {
  const auto given = call.integer(index);
  if (!given) return false;
  if (*given <= 0) return refuse("ERR COUNT must be > 0");
  count = static_cast<std::size_t>(*given);
  return true;
}

// What stands before the words: where, and in what unit; then `index` is that of the first word.
bool Search::take_leading(std::size_t& index) {
  switch (form) {
    case Form::radius: index = 6; return take_center(2) && take_radius(4);
    case Form::radius_by_member:
      index = 5;
      // Without a source nothing is found, whatever is asked for.
      return source == nullptr || (take_member(2) && take_radius(3));
    case Form::search: index = 2; return true;
    case Form::search_store:
      index = 3;
      store_at = call[1];
      return true;
  }
  return false;
}

bool Search::take_shape_word(std::size_t index, std::size_t& taken, bool& failed) {
  const std::size_t behind = call.size() - index - 1;
  if (call.is(index, "FROMMEMBER") && behind >= 1 && !has_center) {
    taken = 1;
    failed = !take_member(index + 1);
  } else if (call.is(index, "FROMLONLAT") && behind >= 2 && !from_member) {
    taken = 2;
    failed = !take_center(index + 1);
  } else if (call.is(index, "BYRADIUS") && behind >= 2 && !shape.is_box) {
    taken = 2;
    failed = !take_radius(index + 1);
  } else if (call.is(index, "BYBOX") && behind >= 3 && (!has_shape || shape.is_box)) {
    taken = 3;
    failed = !take_box(index + 1);
  } else {
    return false;
  }
  return true;
}

bool Search::take_words(std::size_t index) {
  for (; index < call.size(); ++index) {
    const bool has_more = index + 1 < call.size();
    std::size_t taken = 0;
    bool failed = false;
    if (call.is(index, "WITHDIST")) {
      with_distance = true;
    } else if (call.is(index, "WITHHASH")) {
      with_hash = true;
    } else if (call.is(index, "WITHCOORD")) {
      with_point = true;
    } else if (call.is(index, "ANY")) {
      any = true;
    } else if (call.is(index, "ASC")) {
      order = Order::ascending;
    } else if (call.is(index, "DESC")) {
      order = Order::descending;
    } else if (call.is(index, "COUNT") && has_more) {
      if (!take_count(++index)) return false;
    } else if (may_store && !is_search() && has_more && (call.is(index, "STORE") || call.is(index, "STOREDIST"))) {
      store_distance = call.is(index, "STOREDIST");
      store_at = call[++index];
    } else if (form == Form::search_store && call.is(index, "STOREDIST")) {
      store_distance = true;
    } else if (is_search() && take_shape_word(index, taken, failed)) {
      if (failed) return false;
      index += taken;
    } else {
      return refuse(errors::kSyntax);
    }
  }
  return true;
}

bool Search::check() {
  if (store_at && (with_distance || with_hash || with_point)) {
    return refuse(fmt::format("ERR {} is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                              form == Form::search_store ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"));
  }
  if (is_search() && !from_member && !has_center) {
    return refuse(fmt::format("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}", call[0]));
  }
  if (is_search() && !has_shape) {
    return refuse(fmt::format("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", call[0]));
  }
  if (any && count == 0) return refuse("ERR the ANY argument requires COUNT argument");
  // The nearest ones are meant, unless any will do.
  if (count != 0 && !any && order == Order::none) order = Order::ascending;
  return true;
}

// Places inside the shape: all, or `limit` of them.
std::vector<Found> find(const ZSet& source, const Shape& shape, std::size_t limit) {
  std::vector<Found> found;
  const auto cells = keyspace::geo::cells_of(shape);
  std::size_t last = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    if (cell == Cell{}) continue;
    // Where the shape is as large as the earth, cells come more than once. Redis looks only at the one before, and not at the
    // first.
    if (last != 0 && cell == cells[last]) continue;
    if (limit != 0 && found.size() >= limit) break;
    const keyspace::RankRange range = source.ranks(keyspace::ScoreRange{.min = static_cast<double>(cell.first_score()),
                                                                        .max = static_cast<double>(cell.end_score()),
                                                                        .max_exclusive = true});
    source.for_each(range, false, [&](Element member, double score) {
      const Point point = keyspace::geo::point_of(score);
      if (const auto distance = shape.distance_inside(point)) {
        found.push_back(
            {.member = member, .score = score, .point = point, .distance = *distance, .index = found.size()});
      }
      return limit == 0 || found.size() < limit;
    });
    last = i;
  }
  return found;
}

// Puts the first `count` in order. Where all are wanted, those that are as far away stay in the order of their coming.
void sort(std::vector<Found>& found, Order order, std::size_t count) {
  if (order == Order::none) return;
  const double sign = order == Order::ascending ? 1 : -1;
  const auto compare = [sign](const Found& a, const Found& b) {
    const double difference = (a.distance - b.distance) * sign;
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
  };
  if (count < found.size()) return sort_partially(std::span(found), count, compare);
  std::ranges::sort(found, [&compare](const Found& a, const Found& b) {
    const int difference = compare(a, b);
    return difference < 0 || (difference == 0 && a.index < b.index);
  });
}

void reply_found(const Search& search, std::span<const Found> found) {
  Call& call = search.call;
  const std::size_t options = std::size_t{search.with_distance} + search.with_hash + search.with_point;
  call.reply.array(found.size());
  for (const Found& place : found) {
    if (options != 0) call.reply.array(options + 1);
    reply_element(call.reply, place.member);
    if (search.with_distance) reply_distance(call, place.distance / search.unit);
    if (search.with_hash) call.reply.integer(static_cast<std::int64_t>(place.score));
    if (search.with_point) reply_point(call, place.point);
  }
}

void store_found(const Search& search, std::span<const Found> found) {
  ZSet stored;
  for (const Found& place : found) {
    stored.set(place.member, search.store_distance ? place.distance / search.unit : place.score);
  }
  sorted_sets::store(search.call, *search.store_at, std::move(stored),
                     search.form == Form::search_store ? "geosearchstore" : "georadiusstore");
}

void Search::run() {
  const auto read = call.read<ZSet>(call[form == Form::search_store ? 2 : 1]);
  if (!read) return;
  source = read.value;
  std::size_t index = 0;
  if (!take_leading(index) || !take_words(index) || !check()) return;
  std::vector<Found> found;
  if (source != nullptr) found = find(*source, shape, any ? count : 0);
  const std::size_t wanted = count == 0 ? found.size() : std::min(count, found.size());
  sort(found, order, wanted);
  found.resize(wanted);
  store_at ? store_found(*this, found) : reply_found(*this, found);
}

void search(Call& call, Form form, bool may_store = true) {
  Search{.call = call, .form = form, .may_store = may_store}.run();
}

}  // namespace

void georadius(Call& call) { search(call, Form::radius); }
void georadius_ro(Call& call) { search(call, Form::radius, false); }
void georadiusbymember(Call& call) { search(call, Form::radius_by_member); }
void georadiusbymember_ro(Call& call) { search(call, Form::radius_by_member, false); }
void geosearch(Call& call) { search(call, Form::search); }
void geosearchstore(Call& call) { search(call, Form::search_store); }

}  // namespace leat::resp::geo
