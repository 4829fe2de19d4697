// What users may implement, seen from outside: each installed interface compiles by itself.
#include <clavier/cluster/planner.h>
#include <clavier/exec/executor.h>
#include <clavier/sched/scheduler.h>
#include <clavier/search/searcher.h>
#include <clavier/worker/trial_context.h>

class Fixed final : public clavier::search::Searcher {
 public:
  clavier::search::Suggestion suggest(const clavier::State&, clavier::TrialId) const override {
    clavier::Config config;
    config.set("x", 0.5);
    return config;
  }
  void observe(const clavier::Turn&, const clavier::State&) override {}
};

bool suggests() {
  const clavier::State state({}, {});
  const auto suggestion = Fixed().suggest(state, clavier::TrialId{0});
  return std::holds_alternative<clavier::Config>(suggestion);
}
