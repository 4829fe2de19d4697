#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "worker/launch_context.h"
#include "worker/trial_session.h"

namespace clavier::worker {

/// What LaunchContext promises, once, for processes and threads alike: a TrialSession for each
/// trial, behind one link to the tuner.
class LaunchSession final : public LaunchContext {
 public:
  /// `starts` are of one launch and not empty; `link` must outlive it.
  LaunchSession(std::vector<StartLine> starts, Link& link,
                const Stopwatch& stopwatch = steady_seconds, const Sleep& sleep = steady_sleep);

  /// Runs `train` on this session, once. Whatever it throws becomes the failure of those who are
  /// there. The answers, of all that have not left before, are still to be sent.
  std::vector<ExitedLine> run(const LaunchTrainable& train);

  const std::vector<TrialContext*>& members() const override { return members_; }
  std::int64_t shares() const override { return shares_; }
  std::int64_t rank() const override { return rank_; }
  void report(const std::vector<MemberReport>& reports) override;
  void leave(TrialId trial) override;
  void fail(TrialId trial, const std::string& error) override;

 private:
  /// A trial's own end of the link, which all share.
  struct Seat final : Link {
    Seat(LaunchSession& launch, StartLine start, const Stopwatch& stopwatch, const Sleep& sleep)
        : owner(launch), trial(std::move(start), *this, stopwatch, sleep) {}

    void send(ReportLine report) override;
    void send(CheckpointLine saved) override { owner.link_.send(std::move(saved)); }
    void send(ExitedLine exited) override { owner.link_.send(std::move(exited)); }
    std::optional<ToWorker> receive(Wait wait) override;

    LaunchSession& owner;
    std::deque<ToWorker> inbox = {};
    TrialSession trial;
  };

  Seat* seat(TrialId trial);
  void exits(Seat& seat, ExitedLine exited);
  void deliver(ToWorker message);

  Link& link_;
  std::int64_t shares_, rank_;
  std::vector<std::unique_ptr<Seat>> seats_;  ///< Of all that came.
  std::vector<TrialContext*> members_;
  bool gathering_ = false;
  std::vector<ReportLine> gathered_;  ///< Of the boundary at which all are about to report.
};

}  // namespace clavier::worker
