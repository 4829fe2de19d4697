#include "tuner/verify.h"

#include <fmt/format.h>

#include "study/foldable.h"
#include "study/text.h"

namespace clavier::tuner {
namespace {

/// A step's decisions and fill as one text: what is compared and what is shown.
std::string outcome(const Turn& turn, const Fill& fill) {
  std::string text;
  for (const Decision& decision : turn.decisions) text += text::to_json(decision) + "\n";
  if (turn.late) text += "late\n";
  return text + text::to_json(fill);
}

}  // namespace

Result<Verification> verify(const store::StepLog& log, Director& director,
                            const std::function<Result<StudyOptions>(const Opened&)>& options) {
  Verification result;
  const Status read =
      log.read(StepId{0}, store::Metrics::kParse, [&](const Step& logged) -> Status {
        if (result.difference) return {};
        if (Status fits = foldable(logged, director.state()); !fits) return fits;
        if (const auto* opened = input_as<Opened>(logged.turn)) {
          auto changed = TRY(options(*opened));
          if (!(changed.objective == director.options().objective))
            return corrupt(fmt::format("step {} changes the metric", logged.turn.id.value));
          director.change(std::move(changed));
        }
        const Turn turn = director.decide(logged.turn.id, logged.turn.time, logged.turn.input);
        const Fill fill =
            director.fill(turn, logged.fill.asked ? Capacity::kUse : Capacity::kLeave);
        ++result.steps;
        result.decisions += static_cast<std::int64_t>(turn.decisions.size() + fill.created.size() +
                                                      fill.launches.size());
        const std::string expected = outcome(logged.turn, logged.fill);
        const std::string found = outcome(turn, fill);
        if (expected != found)
          result.difference =
              fmt::format("step {} ({}): the log says\n{}\nand now comes out\n{}",
                          logged.turn.id.value, text::kind(logged.turn.input), expected, found);
        return {};
      });
  if (!read.ok()) return read.error();
  return result;
}

}  // namespace clavier::tuner
