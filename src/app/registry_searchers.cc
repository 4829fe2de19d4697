#include "app/registry_entry.h"
#include "search/grid.h"
#include "search/random.h"
#include "search/sobol.h"

/// The searchers that a study file may choose.
namespace clavier::app::registry {
namespace {

/// One without options.
template <typename Search>
std::unique_ptr<search::Searcher> make_plain(const StudySpec& spec, const Options&) {
  return std::make_unique<Search>(spec.space, spec.seed);
}

}  // namespace

const Table<search::Searcher>& searchers() {
  static const Table<search::Searcher> all = {
      {.info = {"random", "", "independent draws"}, .make = make_plain<search::RandomSearch>},
      {.info = {"grid", "", "every combination", {}, {.enumerates = true}},
       .make = make_plain<search::GridSearch>},
      {.info = {"sobol", "", "scrambled Sobol points, more even than random"},
       .make = make_plain<search::SobolSearch>},
  };
  return all;
}

}  // namespace clavier::app::registry
