#include "study/text.h"
#include "study/text_records.h"

namespace clavier::text {
namespace {

void append_ints(std::string& out, const std::vector<int>& numbers) {
  append_list(out, numbers, [](std::string& to, int n) { append_json(to, std::int64_t{n}); });
}

std::vector<int> read_ints(const Place& parent, std::string_view name) {
  std::vector<int> numbers;
  parent.each_if_any(name, [&](const Place& place) {
    const std::int64_t number = place.whole();
    if (number < 0 || number > INT32_MAX) place.fail("is out of range");
    numbers.push_back(static_cast<int>(number));
  });
  return numbers;
}

void append_slot(std::string& out, const Slot& slot) {
  JsonTable table(out);
  table.put("id", slot.id);
  table.put("node", slot.node);
  if (!slot.cpu_ids.empty()) append_ints(table.field("cpu_ids"), slot.cpu_ids);
  if (!slot.gpu_ids.empty()) append_ints(table.field("gpu_ids"), slot.gpu_ids);
  table.put("cpus", slot.resources.cpus);
  if (slot.resources.gpus != 0) table.put("gpus", slot.resources.gpus);
  if (slot.resources.memory_mb != 0) table.put("memory_mb", slot.resources.memory_mb);
  if (!slot.resources.custom.empty()) {
    JsonTable custom(table.field("custom"));
    for (const auto& [name, amount] : slot.resources.custom) custom.put(name, amount);
    custom.close();
  }
  if (slot.speed != 1) table.put("speed", slot.speed);
  if (slot.emulated) table.put("emulated", true);
  if (slot.price_per_hour != 0) table.put("price_per_hour", slot.price_per_hour);
  table.close();
}

Slot read_slot(const Place& place) {
  Slot slot;
  slot.id = place.id<SlotId>("id");
  slot.node = place.id<NodeId>("node");
  slot.cpu_ids = read_ints(place, "cpu_ids");
  slot.gpu_ids = read_ints(place, "gpu_ids");
  slot.resources.cpus = place.real("cpus", 1);
  slot.resources.gpus = place.real("gpus", 0);
  slot.resources.memory_mb = place.whole("memory_mb", 0);
  if (place.has("custom")) {
    const Place custom = place.at("custom");
    if (const auto* amounts = custom.json().as<Json::Table>()) {
      for (const auto& [name, amount] : *amounts)
        slot.resources.custom[name] = custom.at(name).real();
    } else {
      custom.fail("is not a table");
    }
  }
  slot.speed = place.real("speed", 1);
  slot.emulated = place.truth("emulated");
  slot.price_per_hour = place.real("price_per_hour", 0);
  return slot;
}

}  // namespace

void append(std::string& out, const Node& node) {
  JsonTable table(out);
  table.put("id", node.id);
  table.put("host", std::string_view(node.host));
  table.put("cpus", node.cpus);
  table.put("memory_mb", node.memory_mb);
  if (!node.gpus.empty())
    append_list(table.field("gpus"), node.gpus,
                [](std::string& to, const std::string& gpu) { append_json(to, gpu); });
  // A list of pairs: the order of facts and equal names survive.
  if (!node.facts.empty())
    append_list(table.field("facts"), node.facts, [](std::string& to, const auto& fact) {
      to += '[';
      append_json(to, fact.first);
      to += ", ";
      append_json(to, fact.second);
      to += ']';
    });
  append_list(table.field("slots"), node.slots, append_slot);
  table.close();
}

Node read_node(const Place& place) {
  Node node;
  node.id = place.id<NodeId>("id");
  node.host = place.text("host");
  node.cpus = place.small("cpus", 0);
  node.memory_mb = place.whole("memory_mb", 0);
  place.each_if_any("gpus", [&](const Place& gpu) { node.gpus.push_back(gpu.text()); });
  place.each_if_any("facts", [&](const Place& pair) {
    std::vector<std::string> words;
    pair.each([&](const Place& word) { words.push_back(word.text()); });
    if (words.size() != 2) return pair.fail("is not a pair");
    node.facts.emplace_back(std::move(words[0]), std::move(words[1]));
  });
  place.each_if_any("slots", [&](const Place& slot) { node.slots.push_back(read_slot(slot)); });
  return node;
}

std::string to_json(const Node& node) {
  std::string out;
  append(out, node);
  return out;
}

Result<Node> node_from_json(std::string_view json) { return read_record<Node>(json, read_node); }

void append(std::string& out, const Checkpoint& checkpoint) {
  JsonTable table(out);
  table.put("trial", checkpoint.trial);
  table.put("launch", checkpoint.launch);
  table.put("step", checkpoint.step);
  table.put("path", std::string_view(checkpoint.path));
  table.close();
}

Checkpoint read_checkpoint(const Place& place) {
  return {.trial = place.id<TrialId>("trial"),
          .launch = place.id<LaunchId>("launch"),
          .step = place.whole("step"),
          .path = place.text("path")};
}

std::string to_json(const Checkpoint& checkpoint) {
  std::string out;
  append(out, checkpoint);
  return out;
}

Result<Checkpoint> checkpoint_from_json(std::string_view json) {
  return read_record<Checkpoint>(json, read_checkpoint);
}
Result<Checkpoint> checkpoint_from_json(const Json& json) {
  return read_record<Checkpoint>(json, read_checkpoint);
}

}  // namespace clavier::text
