#include <algorithm>

#include "base/check.h"
#include "base/match.h"
#include "study/text.h"
#include "study/text_records.h"

// Old logs must be read by every later version: a field that was added since is left out where it
// says nothing, and has a default when it is read. So its order and its default are part of the
// format, and both stand in one place per record, for reading and for writing. The word for the
// kind of an input is not in the text; it stands beside it, in a column by which users select.
namespace clavier::text {
namespace {

constexpr Words<FinishKind, 4> kFinishKinds{{"done", "stop_rule", "user", "failure"}};
constexpr Words<ExitKind, 6> kExitKinds{
    {"completed", "stopped", "paused", "failed", "lost", "refused"}};

}  // namespace

void fields(auto& io, Of<Checkpoint> auto& checkpoint) {
  io("trial", checkpoint.trial);
  io("launch", checkpoint.launch);
  io("step", checkpoint.step);
  io("path", checkpoint.path);
}

void fields(auto& io, Of<Slot> auto& slot) {
  io("id", slot.id);
  io("node", slot.node);
  io.some("cpu_ids", slot.cpu_ids);
  io.some("gpu_ids", slot.gpu_ids);
  io.lenient("cpus", slot.resources.cpus);
  io("gpus", slot.resources.gpus, 0);
  io("memory_mb", slot.resources.memory_mb, 0);
  io.some("custom", slot.resources.custom);
  io("speed", slot.speed, 1);
  io("emulated", slot.emulated, false);
  io("price_per_hour", slot.price_per_hour, 0);
}

void fields(auto& io, Of<Node> auto& node) {
  io("id", node.id);
  io("host", node.host);
  io.lenient("cpus", node.cpus);
  io.lenient("memory_mb", node.memory_mb);
  io.some("gpus", node.gpus);
  io.some("facts", node.facts);  // A list of pairs: order and equal names survive.
  io.lenient("slots", node.slots);
}

// What was decided.

/// Of decisions and commands about a trial that say nothing else.
template <typename T>
concept OnlyTrial =
    kIsAmong<std::remove_const_t<T>,
             std::variant<Stop, Complete, Requeue, PauseTrial, ResumeTrial, StopTrial>>;
void fields(auto& io, OnlyTrial auto& about) { io("trial", about.trial); }

void fields(auto& io, Of<Pause> auto& pause) {
  io("trial", pause.trial);
  io("held", pause.held, false);
}

void fields(auto& io, Of<Continue> auto& go_on) {
  io("trial", go_on.trial);
  io("until", go_on.until, kForever);
  io("stretch", go_on.stretch, kForever);
}

void fields(auto& io, Of<Exploit> auto& exploit) {
  io("trial", exploit.trial);
  io("donor", exploit.donor);
  io.lenient("donor_value", exploit.donor_value);
  io("config", exploit.config);
  io("until", exploit.until, kForever);
  io("stretch", exploit.stretch, kForever);
}

// What was started.

void fields(auto& io, Of<NewTrial> auto& trial) {
  io("id", trial.id);
  io("config", trial.config);
  io("width", trial.width, 1);
  io("bracket", trial.bracket, 0);
  io.some("origin", trial.origin);
  io.some("directory", trial.directory);
  io("until", trial.until, kForever);
}

void fields(auto& io, Of<Member> auto& member) {
  io("trial", member.trial);
  io("attempt", member.attempt, 1);
  io.check(member.attempt >= 1, "attempt", "is out of range");
  io.some("from", member.from);
  io("until", member.until, kForever);
  io("stretch", member.stretch, kForever);
}

void fields(auto& io, Of<Share> auto& share) {
  io("slot", share.slot);
  io("part", share.part, 1);
}

void fields(auto& io, Of<Launch> auto& launch) {
  io("id", launch.id);
  io("members", launch.members);
  io("shares", launch.shares);
  io.check(!launch.members.empty() && !launch.shares.empty() &&
               (launch.members.size() == 1 || launch.shares.size() == 1),
           "", "is neither one trial nor many trials on one slot");
}

void fields(auto& io, Of<Finished> auto& finished) {
  io.word("kind", kFinishKinds, finished.kind);
  io("reason", finished.reason);
  io.some("best", finished.best);
}

void fields(auto& io, Of<Fill> auto& fill) {
  io.some("created", fill.created);
  io.some("launches", fill.launches);
  io.some("discards", fill.discards);
  io("exhausted", fill.exhausted, false);
  io.some("finished", fill.finished);
  io("asked", fill.asked, false);
}

// What happened.

void fields(auto& io, Of<Report> auto& report) {
  io("trial", report.trial);
  io("launch", report.launch);
  io("step", report.step);
  io.some("value", report.value);
  io.lenient("seconds", report.seconds);
  io.some("metrics", report.metrics);
  io.some("checkpoint", report.checkpoint);
}

void fields(auto& io, Of<Exited> auto& exited) {
  io("trial", exited.trial);
  io("launch", exited.launch);
  io.word("exit", kExitKinds, exited.kind);
  io.some("error", exited.error);
  io.some("log_tail", exited.log_tail);
}

void fields(auto& io, Of<Opened> auto& opened) {
  io("utc_us", opened.utc_us);
  io("version", opened.version);
  io("commit", opened.commit);
  io("seed", opened.seed);
  io("trials", opened.trials, kForever);
  io("rebuilt", opened.rebuilt, false);
  io("handed_out", opened.asked, false);  // Beside it stands `asked` of the fill.
  io("study", opened.study);
  io.some("origin", opened.origin);
}

void fields(auto& io, Of<Reported> auto& reported) { io("reports", reported.reports); }
void fields(auto& io, Of<CheckpointSaved> auto& saved) { io("checkpoint", saved.checkpoint); }
void fields(auto& io, Of<CheckpointVoid> auto& gone) {
  io("checkpoint", gone.checkpoint);
  io("reason", gone.reason);
}
void fields(auto& io, Of<LaunchEnded> auto& end) { io("launch", end.launch); }
void fields(auto& io, Of<Waiting> auto& waiting) {
  io("launch", waiting.launch);
  io("reason", waiting.reason);
}
void fields(auto& io, Of<NodeJoined> auto& joined) { io("node", joined.node); }
void fields(auto& io, Of<NodeLost> auto& lost) { io("node", lost.node); }
void fields(auto& io, Of<AddTrial> auto& add) { io("config", add.config); }
void fields(auto& io, Of<RaiseTrials> auto& raise) { io("trials", raise.trials); }
void fields(auto& io, Of<Retry> auto& retry) { io("trials", retry.trials); }
template <typename T>
requires std::is_empty_v<T>
void fields(auto&, T&) {}

namespace {

/// One alternative of a variant: its word, how to tell it, how to write and to read it.
template <typename Variant>
struct Kind {
  std::string_view word;
  bool (*is)(const Variant&);
  void (*write)(FieldWriter&, const Variant&);
  Variant (*read)(const Place&);
};

template <typename T>
constexpr Kind<Action> action_kind(std::string_view word) {
  return {word, [](const Action& action) { return std::holds_alternative<T>(action); },
          [](FieldWriter& io, const Action& action) { fields(io, std::get<T>(action)); },
          [](const Place& place) -> Action {
            T action{};
            text::read(place, action);
            return action;
          }};
}

constexpr Kind<Action> kActionKinds[] = {
    action_kind<Stop>("stop"),         action_kind<Complete>("complete"),
    action_kind<Pause>("pause"),       action_kind<Requeue>("requeue"),
    action_kind<Continue>("continue"), action_kind<Exploit>("exploit"),
};
static_assert(std::size(kActionKinds) == std::variant_size_v<Action>);

template <typename T>
constexpr Kind<Input> input_kind(std::string_view word) {
  using Part = std::conditional_t<kIsAmong<T, Signal>, Signal,
                                  std::conditional_t<kIsAmong<T, UserCommand>, UserCommand, T>>;
  return {word, [](const Input& input) { return input_as<T>(input) != nullptr; },
          [](FieldWriter& io, const Input& input) { fields(io, *input_as<T>(input)); },
          [](const Place& place) -> Input {
            T input{};
            text::read(place, input);
            return Part(std::move(input));
          }};
}

/// The most frequent ones first.
constexpr Kind<Input> kInputKinds[] = {
    input_kind<Reported>("report"),
    input_kind<Exited>("exited"),
    input_kind<LaunchEnded>("launch_ended"),
    input_kind<CheckpointSaved>("checkpoint"),
    input_kind<CheckpointVoid>("checkpoint_void"),
    input_kind<Deadline>("deadline"),
    input_kind<Waiting>("waiting"),
    input_kind<NodeJoined>("node_joined"),
    input_kind<NodeLost>("node_lost"),
    input_kind<Opened>("opened"),
    input_kind<AddTrial>("add_trial"),
    input_kind<PauseTrial>("pause_trial"),
    input_kind<ResumeTrial>("resume_trial"),
    input_kind<StopTrial>("stop_trial"),
    input_kind<PauseStudy>("pause_study"),
    input_kind<StopStudy>("stop_study"),
    input_kind<RaiseTrials>("raise_trials"),
    input_kind<Retry>("retry"),
};
static_assert(std::size(kInputKinds) ==
              1 + std::variant_size_v<Signal> + std::variant_size_v<UserCommand>);

template <typename Variant>
const Kind<Variant>& kind_of(std::span<const Kind<Variant>> kinds, const Variant& value) {
  for (const Kind<Variant>& kind : kinds)
    if (kind.is(value)) return kind;
  CHECK(false, "an alternative without a word");
}

Decision read_decision(const Place& place) {
  Decision decision;
  const std::string word = place.at("action").text();
  const auto kind = std::ranges::find(kActionKinds, word, &Kind<Action>::word);
  if (kind == std::end(kActionKinds))
    place.at("action").fail("is an unknown word");
  else
    decision.action = kind->read(place);
  FieldReader(place).some("reason", decision.reason);
  return decision;
}

}  // namespace

std::string to_json(const Node& node) { return record_text(node); }
Result<Node> node_from_json(std::string_view json) {
  return record_of<Node>(TRY(Json::parse(json)));
}

std::string to_json(const Checkpoint& checkpoint) { return record_text(checkpoint); }
Result<Checkpoint> checkpoint_from_json(const Json& json) { return record_of<Checkpoint>(json); }
Result<Checkpoint> checkpoint_from_json(std::string_view json) {
  return checkpoint_from_json(TRY(Json::parse(json)));
}

std::string to_json(const Decision& decision) {
  std::string out;
  JsonTable table(out);
  FieldWriter io(table);
  const auto& kind = kind_of<Action>(kActionKinds, decision.action);
  table.put("action", kind.word);
  kind.write(io, decision.action);
  io.some("reason", decision.reason);
  table.close();
  return out;
}
Result<Decision> decision_from_json(const Json& json) {
  return read_record<Decision>(json, read_decision);
}
Result<Decision> decision_from_json(std::string_view json) {
  return decision_from_json(TRY(Json::parse(json)));
}

std::string to_json(const Fill& fill) { return fill == Fill{} ? std::string() : record_text(fill); }
Result<Fill> fill_from_json(const Json& json) {
  if (!json.as<Json::Table>()) return invalid("the record is not a table");
  return record_of<Fill>(json);
}
Result<Fill> fill_from_json(std::string_view json) {
  if (json.empty()) return Fill{};
  return fill_from_json(TRY(Json::parse(json)));
}

std::string_view kind(const Input& input) { return kind_of<Input>(kInputKinds, input).word; }
std::string to_json(const Input& input) {
  std::string out;
  JsonTable table(out);
  FieldWriter io(table);
  kind_of<Input>(kInputKinds, input).write(io, input);
  table.close();
  return out;
}
Result<Input> input_from_json(std::string_view kind, const Json& json) {
  for (const Kind<Input>& each : kInputKinds)
    if (each.word == kind) return read_record<Input>(json, each.read);
  return invalid(fmt::format("unknown kind of input \"{}\"", kind));
}
Result<Input> input_from_json(std::string_view kind, std::string_view json) {
  return input_from_json(kind, TRY(Json::parse(json)));
}

}  // namespace clavier::text
