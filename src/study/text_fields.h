#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

/// How `text*.cc` write and read the fields of one record. Private to them.
namespace clavier::text {

/// A place in a document that is being read. The first thing found wrong anywhere is kept in
/// `problem` with its path; after that all answers are empty. A reader must not outlive the place
/// that it was made from.
class Place {
 public:
  Place(const Json& json, std::string& problem) : json_(&json), problem_(&problem) {}

  bool failed() const { return !problem_->empty(); }
  const Json& json() const { return *json_; }

  bool has(std::string_view name) const { return json_->find(name) != nullptr; }
  /// The field of that name; a failing place if there is none.
  Place at(std::string_view name) const {
    const Json* field = json_->find(name);
    Place place(field ? *field : nothing(), *this, name);
    if (!field) place.fail("is missing");
    return place;
  }
  template <typename Visit>
  void each(Visit visit) const {
    const auto* list = json_->as<Json::List>();
    if (!list) return fail("is not a list");
    for (std::size_t i = 0; i < list->size() && !failed(); ++i) visit(Place((*list)[i], *this, i));
  }
  std::int64_t whole() const { return require<std::int64_t>("is not a whole number"); }
  bool truth() const { return require<bool>("is not true or false"); }
  std::string text() const { return require<std::string>("is not a text"); }
  double real() const {
    const auto number = json_->number();
    if (!number) fail("is not a number");
    return number.value_or(0);
  }

  void fail(std::string_view what) const {
    if (failed()) return;
    const std::string where = path();
    *problem_ = fmt::format("{} {}", where.empty() ? "the record" : where, what);
  }

 private:
  Place(const Json& json, const Place& parent, std::string_view name)
      : json_(&json), problem_(parent.problem_), parent_(&parent), name_(name) {}
  Place(const Json& json, const Place& parent, std::size_t index)
      : json_(&json), problem_(parent.problem_), parent_(&parent), index_(index) {}

  static const Json& nothing() {
    static const Json json;
    return json;
  }
  template <typename T>
  T require(std::string_view problem) const {
    if (const T* value = json_->as<T>()) return *value;
    fail(problem);
    return T{};
  }
  std::string path() const {
    if (!parent_) return {};
    const std::string before = parent_->path();
    if (name_.empty()) return fmt::format("{}[{}]", before, index_);
    return before.empty() ? std::string(name_) : fmt::format("{}.{}", before, name_);
  }

  const Json* json_;
  std::string* problem_;
  const Place* parent_ = nullptr;
  std::string_view name_ = {};
  std::size_t index_ = 0;
};

/// Reads the whole of `document` with `read(place)`.
template <typename T, typename Read>
Result<T> read_record(const Json& document, Read read) {
  std::string problem;
  T record = read(Place(document, problem));
  if (!problem.empty()) return invalid(std::move(problem));
  return record;
}
template <typename T, typename Read>
Result<T> read_record(std::string_view json, Read read) {
  const Json document = TRY(Json::parse(json));
  return read_record<T>(document, read);
}

}  // namespace clavier::text
