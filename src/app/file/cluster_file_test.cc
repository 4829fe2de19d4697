#include <gtest/gtest.h>

#include "app/file/study_file.h"

namespace clavier::app {
namespace {

/// A minimal study with `more` behind its five lines.
std::string with(std::string_view more) {
  return "[study]\nmetric = \"loss\"\nmode = \"min\"\n[worker]\ncommand = [\"a\"]\n" +
         std::string(more);
}

std::string error_of(std::string_view more, std::span<const Override> overrides = {}) {
  const auto spec = parse_study(with(more), "s.toml", overrides);
  return spec ? "no error" : spec.error().message;
}

constexpr std::string_view kMixed = R"([trial]
cpus = 0.5
resources = { licenses = 1 }
[stop]
cost = 12.5
[cluster]
discover = false
seconds_per_step = 0.25
move_seconds = 2
max_per_gpu = 3
[[cluster.slots]]
cpus = 2
gpus = 0.5
resources = { licenses = 4, tapes = 1 }
speed = 320
price_per_hour = 2.5
[[cluster.slots]]
count = 8
node = "b"
speed = 0.125
[simulate]
report_every = 50
noise = 0.1
mtbf = "3d"
repair = "10min"
[[simulate.events]]
at = "1h"
node = "b"
here = false
[[simulate.events]]
at = 30
slot = 0
speed = 0.2
)";

void expect_mixed(const StudySpec& spec) {
  EXPECT_EQ(spec.trial.resources.custom.at("licenses"), 1);
  EXPECT_EQ(spec.stop.cost, 12.5);
  const ClusterSpec& cluster = spec.cluster;
  EXPECT_FALSE(cluster.discovers());
  EXPECT_EQ(cluster.seconds_per_step, 0.25);
  EXPECT_EQ(cluster.move_seconds, 2);
  EXPECT_EQ(cluster.max_per_gpu, 3);
  ASSERT_EQ(cluster.slots.size(), 2u);
  const Resources first = resources_of(cluster.slots[0], spec.trial.resources);
  EXPECT_EQ(first, (Resources{2, 0.5, 0, {{"licenses", 4}, {"tapes", 1}}}));
  EXPECT_EQ(cluster.slots[0].speed, 320);
  EXPECT_EQ(cluster.slots[0].price_per_hour, 2.5);
  EXPECT_EQ(resources_of(cluster.slots[1], spec.trial.resources), spec.trial.resources);
  EXPECT_EQ(cluster.slots[1].count, 8);
  EXPECT_EQ(cluster.slots[1].node, "b");
  ASSERT_TRUE(spec.simulate);
  EXPECT_EQ(spec.simulate->report_every, 50);
  EXPECT_EQ(spec.simulate->mtbf, StudyDuration(std::chrono::hours(72)));
  EXPECT_EQ(spec.simulate->repair, std::chrono::minutes(10));
  ASSERT_EQ(spec.simulate->events.size(), 2u);
  EXPECT_EQ(spec.simulate->events[0].here, false);
  EXPECT_EQ(spec.simulate->events[1].slot, 0);
  EXPECT_EQ(spec.simulate->events[1].speed, 0.2);
}

TEST(ClusterFile, ReadsSlotsAndEventsAndWritesThemBack) {
  const auto spec = parse_study(with(kMixed), "s.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  expect_mixed(*spec);
  const auto again = parse_study(to_toml(*spec), "s.toml");
  ASSERT_TRUE(again.ok()) << again.error().message << '\n' << to_toml(*spec);
  expect_mixed(*again);
  EXPECT_EQ(to_toml(*again), to_toml(*spec));
}

TEST(ClusterFile, DiscoversUnlessSlotsAreDeclared) {
  EXPECT_TRUE(parse_study(with(""), "s.toml")->cluster.discovers());
  EXPECT_FALSE(parse_study(with("[[cluster.slots]]\n"), "s.toml")->cluster.discovers());
  EXPECT_TRUE(parse_study(with("[cluster]\ndiscover = true\n[[cluster.slots]]\n"), "s.toml")
                  ->cluster.discovers());
}

TEST(ClusterFile, RefusesWhatCannotBeWithPlaceAndReason) {
  const struct {
    std::string_view text, error;
  } cases[] = {
      {"[[cluster.slots]]\nspeed = 0\n", "s.toml:7:9: cluster.slots.speed must be above 0, not 0"},
      {"[[cluster.slots]]\nspeed = -2.5\n",
       "s.toml:7:9: cluster.slots.speed must be above 0, not -2.5"},
      {"[trial]\ncpus = 4\n[[cluster.slots]]\ncpus = 2\n",
       "s.toml:8:1: no trial fits in this slot: a trial asks for 4 CPUs, the slot has 2"},
      {"[trial]\ngpus = 0.5\n[[cluster.slots]]\ngpus = 0\n",
       "s.toml:8:1: no trial fits in this slot: a trial asks for 0.5 GPUs, the slot has 0"},
      {"[trial]\nresources = { tape = 2 }\n[[cluster.slots]]\nresources = { tape = 1 }\n",
       "s.toml:8:1: no trial fits in this slot: a trial asks for 2 tape, the slot has 1"},
      {"[trial]\nresources = { tape = 2 }\n",
       "no slot fits a trial: it asks for tape, which only declared slots can have"},
      {"[trial]\nresources = { tape = -2 }\n",
       "s.toml:7:13: trial.resources must be amounts by name such as { licenses = 1 }, not -2"},
      {"[[cluster.slots]]\ngpus = 1.5\n",
       "s.toml:6:1: 1.5 GPUs in a slot: above one, they must be whole"},
      {"[cluster]\nslots = 3\n", "s.toml:7:1: cluster.slots is a list of tables: write "},
      {"[[cluster.slots]]\nspede = 3\n",
       "unknown key \"spede\" in [cluster.slots]; did you mean \"speed\"?"},
      {"[cluster]\ndiscover = false\n", "s.toml:6:2: no slots: nothing is discovered"},
      {"[cluster]\nworkers = 2\n[[cluster.slots]]\n",
       "s.toml:7:1: cluster.workers counts discovered slots"},
      {"[stop]\ncost = 3\n",
       "s.toml:7:1: stop.cost can never be reached: no slot has a price_per_hour"},
      {"[simulate]\ncurve = \"powerlaw\"\n",
       "s.toml:7:1: simulate.curve: unknown \"powerlaw\"; did you mean \"power-law\"?"},
      {"[simulate]\ncurve = \"table\"\n", "simulate.curve = \"table\" needs from: a CSV file"},
      {"[[simulate.events]]\nat = 1\nspeed = 1\n",
       "s.toml:6:1: an event concerns a node or a slot: give one of them"},
      {"[[simulate.events]]\nslot = 1\n",
       "s.toml:6:1: an event changes something: give speed, or here"},
      {"[[cluster.slots]]\n[[simulate.events]]\nslot = 1\nhere = false\n", "there is no slot 1"},
      {"[[simulate.events]]\nnode = \"x\"\nhere = false\n", "no slot is on a node \"x\""},
      {"[[cluster.slots]]\n[[simulate.events]]\nslot = 1\nspeed = 2\n",
       "s.toml:7:1: there is no slot 1: 1 are declared, counted from 0"},
  };
  for (const auto& each : cases)
    EXPECT_NE(error_of(each.text).find(each.error), std::string::npos)
        << each.text << error_of(each.text);
}

TEST(ClusterFile, OverridesReachSlotsByNumber) {
  const Override sets[] = {{"cluster.slots.1.speed", "7"}, {"cluster.slots.0.count", "3"}};
  const auto spec =
      parse_study(with("[[cluster.slots]]\n[[cluster.slots]]\nspeed = 2\n"), "s.toml", sets);
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->cluster.slots[0].count, 3);
  EXPECT_EQ(spec->cluster.slots[1].speed, 7);
  const Override whole[] = {{"cluster.slots", "[{ speed = 1 }, { speed = 4 }]"}};
  const auto declared = parse_study(with(""), "s.toml", whole);
  ASSERT_TRUE(declared.ok()) << declared.error().message;
  EXPECT_EQ(declared->cluster.slots[1].speed, 4);
  const Override inside[] = {whole[0], {"cluster.slots.1.speed", "5"}};
  EXPECT_EQ(parse_study(with(""), "s.toml", inside)->cluster.slots[1].speed, 5);
}

TEST(ClusterFile, OverridesThatCannotReachSlotsSayWhy) {
  const std::string_view two = "[[cluster.slots]]\n[[cluster.slots]]\n";
  const Override whole[] = {{"cluster.slots", "[]"}};
  EXPECT_EQ(error_of(two, whole),
            "--set cluster.slots=[]: cluster.slots is written as [[cluster.slots]] sections; set "
            "their keys by number, from 0: cluster.slots.0.KEY=VALUE");
  const Override beyond[] = {{"cluster.slots.2.speed", "1"}};
  EXPECT_EQ(error_of(two, beyond),
            "--set cluster.slots.2.speed=1: cluster.slots is a list of 2; its items are numbered "
            "from 0");
  const Override wrong[] = {{"cluster.slots.1.speed", "0"}};
  EXPECT_EQ(error_of(two, wrong),
            "--set cluster.slots.1.speed=0: cluster.slots.speed must be above 0, not 0");
}

}  // namespace
}  // namespace clavier::app
