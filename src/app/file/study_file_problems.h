#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/file/study_file_source.h"
#include "study/domain.h"

namespace clavier::app {

/// Everything wrong with one study file, so that the user sees it all at once.
class Problems {
 public:
  /// `source` must outlive this object. With kWorkable, objections are passed over.
  explicit Problems(const StudySource& source, Checks checks = Checks::kAll)
      : source_(source), checks_(checks) {}

  Checks checks() const { return checks_; }
  void add(Place place, std::string message);
  /// What would do something, but cannot be meant.
  void object(Place place, std::string message) {
    if (checks_ == Checks::kAll) add(place, std::move(message));
  }
  /// What may be meant, but probably is not.
  void note(Place place, std::string message) { notes_.emplace_back(place, std::move(message)); }
  bool empty() const { return found_.empty(); }
  /// One line per problem in the order of the file; at most kMostShown of them.
  Status status() const;
  /// One line per note in the order of the file.
  std::vector<std::string> notes() const;

  static constexpr std::size_t kMostShown = 20;

 private:
  using Lines = std::vector<std::pair<Place, std::string>>;
  std::vector<std::string> in_order(Lines lines) const;

  const StudySource& source_;
  Checks checks_;
  Lines found_, notes_;
};

}  // namespace clavier::app
