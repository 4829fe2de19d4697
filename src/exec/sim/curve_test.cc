#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/rng.h"
#include "exec/sim/config_text.h"
#include "exec/sim/power_law.h"
#include "exec/sim/recorded.h"
#include "exec/sim/table.h"
#include "study/domain.h"
#include "tests/support/scratch_directory.h"

namespace clavier::exec {
namespace {

Config config(std::initializer_list<Config::Entry> entries) {
  Config out;
  for (const Config::Entry& entry : entries) out.set(entry.name, entry.value);
  return out;
}

Space space() {
  Space space;
  space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}},
                      {"l1", Choice{{4, 8, 16}, true}},
                      {"optimizer", Choice{{"sgd", "adam"}}}};
  return space;
}

double loss(const Curve& curve, const Config& config, Steps step, TrialId trial = TrialId{0}) {
  return curve.metrics(config, trial, step, 1).front().value;
}

TEST(PowerLaw, FallsTowardsTheFloorOfItsConfiguration) {
  const Curve curve = power_law(space(), {.steps = 50, .floor = 0.2, .spread = 2});
  Rng rng(1);
  double lowest = 100, highest = 0;
  for (int i = 0; i < 200; ++i) {
    const auto drawn = complete(space(), {}, [&](std::size_t p) {
      return *value_at(space().parameters[p].domain, rng.uniform());
    });
    double before = 1e9;
    for (Steps step = 1; step <= 50; ++step) {
      const double now = loss(curve, *drawn, step);
      EXPECT_LT(now, before);
      before = now;
    }
    const double floor = loss(curve, *drawn, 1'000'000'000);
    EXPECT_GE(floor, 0.2);
    EXPECT_LE(floor, 2.2 + 0.1);
    lowest = std::min(lowest, floor);
    highest = std::max(highest, floor);
  }
  EXPECT_LT(lowest, 0.4);
  EXPECT_GT(highest, 1.0);
  EXPECT_EQ(curve.steps({}), 50);
}

TEST(PowerLaw, SomeCurvesCross) {
  const Curve curve = power_law(space(), {});
  Rng rng(2);
  int crossings = 0;
  Config before;
  for (int i = 0; i < 100; ++i) {
    const auto drawn = complete(space(), {}, [&](std::size_t p) {
      return *value_at(space().parameters[p].domain, rng.uniform());
    });
    if (!before.empty())
      crossings += (loss(curve, before, 2) < loss(curve, *drawn, 2)) !=
                   (loss(curve, before, 1000) < loss(curve, *drawn, 1000));
    before = *drawn;
  }
  EXPECT_GT(crossings, 3);
  EXPECT_LT(crossings, 50);
}

TEST(PowerLaw, NoiseIsKeyedByTrialAndStep) {
  const Curve curve = power_law({}, {.noise = 0.1});
  EXPECT_EQ(loss(curve, {}, 3), loss(curve, {}, 3));
  EXPECT_NE(loss(curve, {}, 3), loss(curve, {}, 3, TrialId{1}));
  const auto metrics = curve.metrics({}, TrialId{0}, 3, 1);
  EXPECT_EQ(metrics[1].name, "accuracy");
  EXPECT_DOUBLE_EQ(metrics[1].value, std::exp(-metrics[0].value));
}

TEST(ConfigText, IsTheSameForTheSameConfiguration) {
  EXPECT_EQ(config_text(config({{"b", 1}, {"a", 0.5}})), "a=0.5 b=1");
  EXPECT_EQ(config_text(config({{"a", 1.0}})), config_text(config({{"a", 1}})));
  EXPECT_NE(config_text(config({{"a", true}})), config_text(config({{"a", 1}})));
  EXPECT_EQ(config_text(config({{"a", "x"}})), "a=x");
}

std::vector<RecordedTrial> records() {
  return {{config({{"x", 1}}), {{2, {{"loss", 0.5}}, 3.0}, {4, {{"loss", 0.25}}, 1.0}}},
          {config({{"x", 2}}), {{1, {{"loss", 0.9}}}}},
          {config({{"x", 1}}), {{1, {{"loss", 0.7}}, 2.0}}}};
}

TEST(Recorded, TrialsReportWhatWasRecordedAtTheSameSteps) {
  const Curve curve = recorded_curve(records()).value();
  const Config one = config({{"x", 1.0}});
  EXPECT_TRUE(curve.metrics(one, TrialId{9}, 1, 0).empty());
  EXPECT_EQ(loss(curve, one, 2, TrialId{9}), 0.5);
  EXPECT_EQ(curve.steps(one), 4);
  EXPECT_DOUBLE_EQ(curve.cost(one, 1), 1.5);
  EXPECT_DOUBLE_EQ(curve.cost(one, 4), 0.5);
  EXPECT_DOUBLE_EQ(curve.cost(config({{"x", 2}}), 1), 1) << "not known";
  EXPECT_EQ(loss(curve, one, 1, TrialId{2}), 0.7) << "its own record comes first";
}

TEST(Recorded, AnUnknownConfigurationFailsAndIsNamed) {
  const Curve curve = recorded_curve(records()).value();
  EXPECT_NE(curve.error(config({{"x", 3}}), TrialId{0}, 1).find("x=3"), std::string::npos);
  EXPECT_EQ(curve.error(config({{"x", 2}}), TrialId{0}, 1), "");
}

TEST(Recorded, RefusesRecordsOutOfOrder) {
  EXPECT_FALSE(recorded_curve({}).ok());
  EXPECT_FALSE(recorded_curve({{config({{"x", 1}}), {}}}).ok());
  EXPECT_FALSE(recorded_curve({{config({{"x", 1}}), {{2, {}}, {2, {}}}}}).ok());
  EXPECT_FALSE(recorded_curve({{config({{"x", 1}}), {{0, {}}}}}).ok());
}

TEST(Recorded, TakesAnEarlierStudysTrials) {
  State state(Objective{"accuracy", Mode::kMax}, {});
  Fill fill;
  for (int i = 0; i < 2; ++i)
    fill.created.push_back({.id = TrialId{i}, .config = config({{"x", i}})});
  Launch launch{LaunchId{0}, {{TrialId{1}}}, {{SlotId{0}}}};
  fill.launches = {launch};
  state.apply(fill, {});
  Turn turn;
  Report report;
  report.trial = TrialId{1};
  report.launch = LaunchId{0};
  report.step = 3;
  report.value = 0.75;
  report.seconds = 1.5;
  turn.input = Signal(Reported{{report}});
  state.apply(turn);
  const auto trials = recorded_trials(state);
  ASSERT_EQ(trials.size(), 1U);
  EXPECT_TRUE(trials[0].config == config({{"x", 1}}));
  EXPECT_EQ(trials[0].reports[0].step, 3);
  EXPECT_EQ(trials[0].reports[0].seconds, 1.5);
  EXPECT_EQ(trials[0].reports[0].metrics, (std::vector<Metric>{{"accuracy", 0.75}}));
}

constexpr std::string_view kTable =
    "lr,optimizer,step,seconds,loss,accuracy\r\n"
    "0.1,sgd,2,2.5,0.5,\r\n"
    "0.1,sgd,1,2.0,0.9,0.1\r\n"
    "\r\n"
    "1e-2,\"adam\",1,1,NaN,0.2\r\n";

TEST(Table, LooksUpConfigurationsByTheirColumns) {
  const Curve curve = table_curve(kTable, "t.csv", space()).value();
  const Config first = config({{"optimizer", "sgd"}, {"l1", 4}, {"lr", 0.1}});
  EXPECT_EQ(curve.steps(first), 2);
  EXPECT_EQ(curve.metrics(first, TrialId{0}, 1, 0),
            (std::vector<Metric>{{"loss", 0.9}, {"accuracy", 0.1}}));
  EXPECT_EQ(curve.metrics(first, TrialId{0}, 2, 0), (std::vector<Metric>{{"loss", 0.5}}));
  EXPECT_EQ(curve.cost(first, 2), 2.5);
  EXPECT_EQ(curve.error(first, TrialId{0}, 1), "");
  const Config second = config({{"optimizer", "adam"}, {"lr", 0.01}});
  EXPECT_TRUE(std::isnan(loss(curve, second, 1)));
  const std::string missing = curve.error(config({{"lr", 0.2}}), TrialId{0}, 1);
  EXPECT_NE(missing.find("t.csv has no row for lr=0.2"), std::string::npos) << missing;
}

TEST(Table, AByteOrderMarkIsNoPartOfTheFirstColumn) {
  const Curve curve = table_curve("\xEF\xBB\xBF" + std::string(kTable), "t.csv", space()).value();
  EXPECT_EQ(curve.steps(config({{"optimizer", "sgd"}, {"lr", 0.1}})), 2);
}

TEST(Table, TellsWhichParametersItHasNoColumnFor) {
  Space three;
  three.parameters = {{"lr", Real{0, 1}}, {"width", Integer{1, 9}}, {"classes", Constant{10}}};
  EXPECT_EQ(
      table_curve("lr,widht,step,loss\n0.1,3,1,0.5\n", "t.csv", three).value().notes,
      std::vector<std::string>{"t.csv has no column for the parameter 'width': nothing depends "
                               "on it; is it 'widht'?"});
  EXPECT_EQ(
      table_curve("lr,step,loss\n0.1,1,0.5\n", "t.csv", three).value().notes,
      std::vector<std::string>{"t.csv has no column for the parameter 'width': nothing depends "
                               "on it"});
}

TEST(Table, QuotedFieldsMayHoldCommasQuotesAndNewlines) {
  Space odd;
  odd.parameters = {{"text", Choice{{"a,\"b\"\nc"}}}};
  const Curve curve = table_curve("text,step,loss\n\"a,\"\"b\"\"\nc\",1,0.5\n", "t", odd).value();
  EXPECT_EQ(loss(curve, config({{"text", "a,\"b\"\nc"}}), 1), 0.5);
}

struct BadTable {
  const char* csv;
  const char* what;
};
class TableError : public testing::TestWithParam<BadTable> {};

TEST_P(TableError, NamesTheLine) {
  const auto curve = table_curve(GetParam().csv, "t.csv", space());
  ASSERT_FALSE(curve.ok());
  EXPECT_NE(curve.error().message.find(GetParam().what), std::string::npos)
      << curve.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Faults, TableError,
    testing::Values(BadTable{"", "t.csv: line 1: the table is empty"},
                    BadTable{"lr,loss\n0.1,1\n", "no column 'step'"},
                    BadTable{"a,step,loss\n", "named as a parameter"},
                    BadTable{"lr,step\n", "with a metric"}, BadTable{"lr,step,loss\n", "no rows"},
                    BadTable{"lr,lr,step,loss\n", "two columns 'lr'"},
                    BadTable{"lr,,step,loss\n", "column 2 has no name"},
                    BadTable{"lr,step,loss\n0.1,1,2\n\n0.1,2\n", "t.csv: line 4: 2 fields under 3"},
                    BadTable{"lr,step,loss\n0.1,x,2\n", "t.csv: line 2: 'x' under 'step'"},
                    BadTable{"lr,step,loss\n0.1,0,2\n", "'0' under 'step'"},
                    BadTable{"lr,step,loss\n0.1,1,good\n", "'good' under 'loss'"},
                    BadTable{"lr,step,seconds,loss\n0.1,1,0,1\n", "'0' under 'seconds'"},
                    BadTable{"lr,step,loss\n.1,1,2\n0.10,1,3\n",
                             "t.csv: line 3: step 1 of lr=0.1 is"},
                    BadTable{"lr,step,loss\n\"0.1,1,2\n", "not closed"},
                    BadTable{"lr,step,loss\n\"0.1\"5,1,2\n", "after a closing quote"}));

TEST(Table, IsReadFromAFile) {
  const ScratchDirectory folder;
  const auto file = folder.path() / "table.csv";
  EXPECT_FALSE(table_curve(file, space()).ok());
  std::ofstream(file) << kTable;
  EXPECT_TRUE(table_curve(file, space()).ok());
}

}  // namespace
}  // namespace clavier::exec
