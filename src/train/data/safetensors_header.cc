#include "train/data/safetensors_header.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "train/data/bytes.h"

namespace clavier::train::data {
namespace {

using Json = nlohmann::json;

/// Follows the one shape that a header may have; every event that does not fit ends the parse.
class Handler : public nlohmann::json_sax<Json> {
 public:
  Header header;
  std::string error;
  std::size_t error_byte = 0;

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a truth value"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a fraction"); }
  bool binary(binary_t&) override { return refuse("binary data"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }

  bool number_unsigned(number_unsigned_t number) override {
    if (place_ == Place::kShape && number <= INT64_MAX) {
      header.entries.back().shape.push_back(static_cast<std::int64_t>(number));
      return true;
    }
    if (place_ == Place::kOffsets && offsets_ < 2) {
      (offsets_++ == 0 ? header.entries.back().begin : header.entries.back().end) = number;
      return true;
    }
    return refuse("this number");
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadata) {
      header.metadata[key_] = text;
      return true;
    }
    if (place_ != Place::kEntry || key_ != "dtype") return refuse("text");
    header.entries.back().dtype = text;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) return place_ = Place::kTop, true;
    if (place_ != Place::kTop) return refuse("an object");
    seen_.clear();
    if (key_ == "__metadata__") return place_ = Place::kMetadata, true;
    header.entries.push_back({key_, {}, {}, 0, 0});
    return place_ = Place::kEntry, true;
  }

  bool key(string_t& text) override {
    auto& names = place_ == Place::kTop ? names_ : seen_;
    if (!names.insert(text).second) return fail(fmt::format("\"{}\" stands twice", text));
    key_ = text;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::kEntry && seen_ != kFields)
      return fail(fmt::format("tensor \"{}\" must have exactly dtype, shape and data_offsets",
                              header.entries.back().name));
    place_ = place_ == Place::kTop ? Place::kEnd : Place::kTop;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::kEntry) return refuse("a list");
    if (key_ == "shape") return place_ = Place::kShape, true;
    if (key_ == "data_offsets") return place_ = Place::kOffsets, offsets_ = 0, true;
    return refuse("a list");
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offsets_ != 2) return fail("data_offsets must be two numbers");
    return place_ = Place::kEntry, true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_byte = position > 0 ? position - 1 : 0;
    error = "the header is no valid JSON here";
    return false;
  }

 private:
  enum class Place { kStart, kTop, kMetadata, kEntry, kShape, kOffsets, kEnd };
  static inline const std::set<std::string> kFields = {"data_offsets", "dtype", "shape"};

  bool fail(std::string what) { return error = std::move(what), false; }
  bool refuse(std::string_view what) {
    return fail(key_.empty() ? fmt::format("the header may not have {} here", what)
                             : fmt::format("the header may not have {} at \"{}\"", what, key_));
  }

  Place place_ = Place::kStart;
  std::string key_;
  std::set<std::string> names_;  ///< Keys of the whole header.
  std::set<std::string> seen_;   ///< Keys of the object that is being read.
  int offsets_ = 0;
};

}  // namespace

Result<Header> parse_header(std::string_view json, std::string_view origin, std::uint64_t offset) {
  if (json.empty() || json.front() != '{')
    return corrupt_at(origin, offset, "the header does not begin with {");
  Handler handler;
  if (!Json::sax_parse(json, &handler))
    return corrupt_at(origin, offset + handler.error_byte, handler.error);
  return std::move(handler.header);
}

}  // namespace clavier::train::data
