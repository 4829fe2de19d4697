// The smallest study: where is (x − 2)² + (y + 1)² least? Trials run on threads of this process.
#include <clavier/clavier.h>

#include <cstdio>

int main(int argc, char** argv) {
  clavier::init(argc, argv);

  clavier::Tuning tuning;
  tuning.name = "quadratic";
  tuning.objective = {"loss", clavier::Mode::kMin};
  tuning.space.parameters = {
      {"x", clavier::uniform(-5, 5)},
      {"y", clavier::uniform(-5, 5)},
      // A parameter computed from others by a function.
      {"radius", clavier::computed([](const clavier::Config& config) -> clavier::Value {
         const double x = *config.find("x")->number(), y = *config.find("y")->number();
         return x * x + y * y;
       })},
  };
  tuning.trials = 200;
  tuning.seed = 7;

  const auto tuned = clavier::tune(tuning, [](clavier::TrialContext& trial) {
    const double x = *trial.config().find("x")->number();
    const double y = *trial.config().find("y")->number();
    trial.report({{"loss", (x - 2) * (x - 2) + (y + 1) * (y + 1)}});
  });
  if (!tuned.ok() || !tuned->best) {
    std::fprintf(stderr, "error: %s\n",
                 tuned.ok() ? "no trial reported" : tuned.error().message.c_str());
    return 1;
  }
  const clavier::Trial& best = tuned->best_trial();
  std::printf("best of %zu trials: loss %.4f at x = %.3f, y = %.3f\n", tuned->trials.size(),
              best.best->value, *best.config.find("x")->number(), *best.config.find("y")->number());
  return 0;
}
