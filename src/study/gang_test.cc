#include "study/gang.h"

#include <gtest/gtest.h>

namespace clavier {
namespace {

Config config(Value value) {
  Config config;
  config.set("workers", std::move(value));
  return config;
}

TEST(GangSize, IsANumberOrAParameter) {
  EXPECT_EQ(GangSize{}.of(config(std::int64_t{4})), 1);
  EXPECT_EQ(GangSize{.number = 3}.of({}), 3);
  const GangSize size{.parameter = "workers"};
  EXPECT_EQ(size.of(config(std::int64_t{4})), 4);
  EXPECT_EQ(size.of({}), 1) << "an inactive parameter";
}

TEST(GangSize, IsNothingWhereTheParameterIsNoCount) {
  const GangSize size{.parameter = "workers"};
  EXPECT_EQ(size.of(config(std::int64_t{0})), 0);
  EXPECT_EQ(size.of(config(2.0)), 0);
  EXPECT_EQ(size.of(config(std::string("two"))), 0);
}

TEST(Gang, HasEverythingThatItsSlotsHave) {
  const Slot first{.id = {3},
                   .node = {0},
                   .cpu_ids = {4, 5},
                   .gpu_ids = {1},
                   .resources = {2, 0.5, 100, {{"licences", 1}}},
                   .speed = 4,
                   .price_per_hour = 1};
  Slot second = first;
  second.id = {1};
  second.cpu_ids = {0, 1};
  second.speed = 2;
  const Slot all = joined({first, second});
  EXPECT_EQ(all.id, SlotId{3});
  EXPECT_EQ(all.cpu_ids, (std::vector<int>{4, 5, 0, 1}));
  EXPECT_EQ(all.gpu_ids, std::vector<int>{1}) << "two halves of one device";
  EXPECT_EQ(all.resources, (Resources{4, 1, 200, {{"licences", 2}}}));
  EXPECT_EQ(all.speed, 2);
  EXPECT_EQ(all.price_per_hour, 2);
  second.cpu_ids = {};
  EXPECT_TRUE(joined({first, second}).cpu_ids.empty()) << "no part of it may be pinned alone";
}

}  // namespace
}  // namespace clavier
