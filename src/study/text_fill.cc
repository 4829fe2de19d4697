#include "study/text.h"
#include "study/text_names.h"
#include "study/text_records.h"

namespace clavier::text {
namespace {

constexpr Words<FinishKind, 4> kFinishKinds{{"done", "stop_rule", "user", "failure"}};

void append_created(std::string& out, const NewTrial& trial) {
  JsonTable table(out);
  table.put("id", trial.id);
  append_flat(table.field("config"), trial.config);
  if (trial.width != 1) table.put("width", trial.width);
  if (trial.bracket != 0) table.put("bracket", trial.bracket);
  if (trial.origin) table.put("origin", *trial.origin);
  if (!trial.directory.empty()) table.put("directory", std::string_view(trial.directory));
  if (trial.until != kForever) table.put("until", trial.until);
  table.close();
}

NewTrial read_created(const Place& place) {
  NewTrial trial;
  trial.id = place.id<TrialId>("id");
  trial.config = read_config(place.at("config"));
  trial.width = place.real("width", 1);
  trial.bracket = place.small("bracket", 0);
  if (place.has("origin")) trial.origin = place.id<TrialId>("origin");
  trial.directory = place.text_if_any("directory");
  trial.until = place.whole("until", kForever);
  return trial;
}

void append_member(std::string& out, const Member& member) {
  JsonTable table(out);
  table.put("trial", member.trial);
  if (member.attempt != 1) table.put("attempt", member.attempt);
  if (member.from) append(table.field("from"), *member.from);
  if (member.until != kForever) table.put("until", member.until);
  if (member.stretch != kForever) table.put("stretch", member.stretch);
  table.close();
}

Member read_member(const Place& place) {
  Member member;
  member.trial = place.id<TrialId>("trial");
  member.attempt = place.small("attempt", 1, 1);
  if (place.has("from")) member.from = read_checkpoint(place.at("from"));
  member.until = place.whole("until", kForever);
  member.stretch = place.whole("stretch", kForever);
  return member;
}

void append_share(std::string& out, const Share& share) {
  JsonTable table(out);
  table.put("slot", share.slot);
  if (share.part != 1) table.put("part", share.part);
  table.close();
}

void append_launch(std::string& out, const Launch& launch) {
  JsonTable table(out);
  table.put("id", launch.id);
  append_list(table.field("members"), launch.members, append_member);
  append_list(table.field("shares"), launch.shares, append_share);
  table.close();
}

Launch read_launch(const Place& place) {
  Launch launch;
  launch.id = place.id<LaunchId>("id");
  place.at("members").each(
      [&](const Place& member) { launch.members.push_back(read_member(member)); });
  place.at("shares").each([&](const Place& share) {
    launch.shares.push_back({share.id<SlotId>("slot"), share.real("part", 1)});
  });
  if (launch.members.empty() || launch.shares.empty() ||
      (launch.members.size() > 1 && launch.shares.size() > 1))
    place.fail("is neither one trial nor many trials on one slot");
  return launch;
}

void append_finished(std::string& out, const Finished& finished) {
  JsonTable table(out);
  table.put("kind", kFinishKinds[finished.kind]);
  table.put("reason", std::string_view(finished.reason));
  if (finished.best) table.put("best", *finished.best);
  table.close();
}

Finished read_finished(const Place& place) {
  Finished finished;
  finished.kind = kFinishKinds.read(place.at("kind"));
  finished.reason = place.text("reason");
  if (place.has("best")) finished.best = place.id<TrialId>("best");
  return finished;
}

Fill read_fill(const Place& place) {
  Fill fill;
  if (!place.json().as<Json::Table>()) return place.fail("is not a table"), fill;
  place.each_if_any("created",
                    [&](const Place& trial) { fill.created.push_back(read_created(trial)); });
  place.each_if_any("launches",
                    [&](const Place& launch) { fill.launches.push_back(read_launch(launch)); });
  place.each_if_any("discards", [&](const Place& checkpoint) {
    fill.discards.push_back(read_checkpoint(checkpoint));
  });
  fill.exhausted = place.truth("exhausted");
  if (place.has("finished")) fill.finished = read_finished(place.at("finished"));
  fill.asked = place.truth("asked");
  return fill;
}

}  // namespace

std::string to_json(const Fill& fill) {
  if (fill.created.empty() && fill.launches.empty() && fill.discards.empty() && !fill.exhausted &&
      !fill.finished && !fill.asked)
    return {};
  std::string out;
  JsonTable table(out);
  if (!fill.created.empty()) append_list(table.field("created"), fill.created, append_created);
  if (!fill.launches.empty()) append_list(table.field("launches"), fill.launches, append_launch);
  if (!fill.discards.empty())
    append_list(table.field("discards"), fill.discards,
                [](std::string& to, const Checkpoint& discard) { append(to, discard); });
  if (fill.exhausted) table.put("exhausted", true);
  if (fill.finished) append_finished(table.field("finished"), *fill.finished);
  if (fill.asked) table.put("asked", true);
  table.close();
  return out;
}

Result<Fill> fill_from_json(std::string_view json) {
  if (json.empty()) return Fill{};
  return read_record<Fill>(json, read_fill);
}
Result<Fill> fill_from_json(const Json& json) { return read_record<Fill>(json, read_fill); }

}  // namespace clavier::text
