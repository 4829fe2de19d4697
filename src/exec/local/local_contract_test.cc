#include <filesystem>

#include "exec/local/local_executor.h"
#include "tests/support/executor_contract.h"

namespace clavier::exec {
namespace {

constexpr std::size_t kMembers = 3;

class LocalWorld final : public ExecutorWorld {
 public:
  explicit LocalWorld(const WorldOptions& options) {
    LocalOptions local{.study = study_.path(), .metric = "loss"};
    local.node = {.id = NodeId{0}, .host = "here"};
    local.command = {CLAVIER_TEST_WORKER, "exploit", std::to_string(kMembers)};
    local.guard = CLAVIER_GUARD;
    local.checkpoints = options.checkpoints;
    for (int i = 0; i < options.slots; ++i)
      local.node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}});
    auto made = LocalExecutor::create(std::move(local), waker_);
    CHECK(made.ok());
    executor_ = std::move(*made);
  }
  Executor& executor() override { return *executor_; }
  const Waker& waker() override { return waker_; }
  std::filesystem::path study() override { return study_.path(); }

 private:
  ScratchDirectory study_;
  Waker waker_ = *Waker::create();
  std::unique_ptr<LocalExecutor> executor_;
};

INSTANTIATE_TEST_SUITE_P(
    Local, ExecutorContract,
    ::testing::Values(ExecutorKind{
        .name = "local",
        .make = [](const WorldOptions& options) { return std::make_unique<LocalWorld>(options); },
        .members = kMembers}));

}  // namespace
}  // namespace clavier::exec
