#include "worker/launch_session.h"

#include <algorithm>
#include <exception>
#include <utility>

// Trials of a launch are decided on one by one, but a decision may need all their reports: a rung
// that waits for the last of them would wait for ever if the first one's report blocked before the
// second had been said. So all say what they have to say, and only then each waits for its answer.
// While one waits, messages for the others come in between: they are put into those trials' own
// inboxes, in the order in which they came, and found there when it is their turn.
namespace clavier::worker {

LaunchSession::LaunchSession(std::vector<StartLine> starts, Link& link, const Stopwatch& stopwatch,
                             const Sleep& sleep)
    : link_(link), shares_(starts.front().shares), rank_(starts.front().rank) {
  for (StartLine& start : starts) {
    seats_.push_back(std::make_unique<Seat>(*this, std::move(start), stopwatch, sleep));
    members_.push_back(&seats_.back()->trial);
  }
}

std::vector<ExitedLine> LaunchSession::run(const LaunchTrainable& train) {
  std::optional<std::string> thrown;
  try {
    train(*this);
  } catch (const std::exception& error) {
    thrown = error.what();
  } catch (...) {
    thrown = "an exception of unknown type";
  }
  std::vector<ExitedLine> exits;
  for (const auto& each : seats_)
    if (std::ranges::find(members_, &each->trial) != members_.end())
      exits.push_back(thrown ? each->trial.fail(*thrown) : each->trial.leave());
  members_.clear();
  return exits;
}

void LaunchSession::report(const std::vector<MemberReport>& reports) {
  gathering_ = true;
  for (const MemberReport& each : reports)
    if (Seat* const from = seat(each.trial)) from->trial.say(each.metrics, each.step, each.save);
  gathering_ = false;
  auto said = std::exchange(gathered_, {});
  for (ReportLine& each : said) {
    each.more = &each != &said.back();
    link_.send(std::move(each));
  }
  for (const MemberReport& each : reports)
    if (Seat* const from = seat(each.trial))
      if (from->trial.settle(each.save) == Verdict::kLeave) exits(*from, from->trial.leave());
}

void LaunchSession::leave(TrialId trial) {
  if (Seat* const leaving = seat(trial)) exits(*leaving, leaving->trial.leave());
}

void LaunchSession::fail(TrialId trial, const std::string& error) {
  if (Seat* const leaving = seat(trial)) exits(*leaving, leaving->trial.fail(error));
}

/// Of one that has not left.
LaunchSession::Seat* LaunchSession::seat(TrialId trial) {
  for (const auto& each : seats_)
    if (each->trial.trial() == trial)
      return std::ranges::find(members_, &each->trial) == members_.end() ? nullptr : each.get();
  return nullptr;
}

void LaunchSession::exits(Seat& seat, ExitedLine exited) {
  std::erase(members_, &seat.trial);
  link_.send(std::move(exited));
}

void LaunchSession::deliver(ToWorker message) {
  const bool only = seats_.size() == 1;
  const auto to = addressee(message);
  for (const auto& each : seats_)
    if (to ? *to == each->trial.trial() : only || std::holds_alternative<QuitLine>(message))
      each->inbox.push_back(message);
}

void LaunchSession::Seat::send(ReportLine report) {
  if (owner.gathering_)
    owner.gathered_.push_back(std::move(report));
  else
    owner.link_.send(std::move(report));
}

std::optional<ToWorker> LaunchSession::Seat::receive(Wait wait) {
  while (inbox.empty()) {
    auto message = owner.link_.receive(wait);
    if (!message) return {};
    owner.deliver(*std::move(message));
  }
  ToWorker first = std::move(inbox.front());
  inbox.pop_front();
  return first;
}

}  // namespace clavier::worker
