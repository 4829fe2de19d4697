#include "base/match.h"
#include "study/text.h"
#include "study/text_records.h"

namespace clavier::text {
namespace {

void append_until(JsonTable& table, Steps until, Steps stretch) {
  if (until != kForever) table.put("until", until);
  if (stretch != kForever) table.put("stretch", stretch);
}

Action read_action(const Place& place) {
  const std::string word = place.text("action");
  const auto trial = place.id<TrialId>("trial");
  if (word == "stop") return Stop{trial};
  if (word == "complete") return Complete{trial};
  if (word == "pause") return Pause{trial, place.truth("held")};
  if (word == "requeue") return Requeue{trial};
  if (word == "continue")
    return Continue{trial, place.whole("until", kForever), place.whole("stretch", kForever)};
  if (word == "exploit")
    return Exploit{.trial = trial,
                   .donor = read_checkpoint(place.at("donor")),
                   .donor_value = place.real("donor_value", 0),
                   .config = read_config(place.at("config")),
                   .until = place.whole("until", kForever),
                   .stretch = place.whole("stretch", kForever)};
  place.at("action").fail("is an unknown word");
  return Stop{};
}

Decision read_decision(const Place& place) {
  return {read_action(place), place.text_if_any("reason")};
}

}  // namespace

std::string to_json(const Decision& decision) {
  std::string out;
  JsonTable table(out);
  const auto begin = [&](std::string_view word, TrialId trial) {
    table.put("action", word);
    table.put("trial", trial);
  };
  match(
      decision.action, [&](const Stop& stop) { begin("stop", stop.trial); },
      [&](const Complete& complete) { begin("complete", complete.trial); },
      [&](const Pause& pause) {
        begin("pause", pause.trial);
        if (pause.held) table.put("held", true);
      },
      [&](const Requeue& requeue) { begin("requeue", requeue.trial); },
      [&](const Continue& go_on) {
        begin("continue", go_on.trial);
        append_until(table, go_on.until, go_on.stretch);
      },
      [&](const Exploit& exploit) {
        begin("exploit", exploit.trial);
        append(table.field("donor"), exploit.donor);
        table.put("donor_value", exploit.donor_value);
        append_flat(table.field("config"), exploit.config);
        append_until(table, exploit.until, exploit.stretch);
      });
  if (!decision.reason.empty()) table.put("reason", std::string_view(decision.reason));
  table.close();
  return out;
}

Result<Decision> decision_from_json(std::string_view json) {
  return read_record<Decision>(json, read_decision);
}
Result<Decision> decision_from_json(const Json& json) {
  return read_record<Decision>(json, read_decision);
}

}  // namespace clavier::text
