#pragma once

#include <deque>
#include <optional>
#include <string>

#include "worker/line_buffer.h"
#include "worker/trial_session.h"

namespace clavier::worker {

/// A worker's end of the socket to the tuner.
class SocketLink final : public Link {
 public:
  /// Does not own `fd`, which must stay open as long as this lives.
  explicit SocketLink(int fd) : fd_(fd) {}

  /// Blocks while the socket is full; drops the message once the tuner is gone.
  void send(const FromWorker& message);
  void send(ReportLine report) override;
  void send(CheckpointLine saved) override { send(FromWorker(std::move(saved))); }
  void send(ExitedLine exited) override { send(FromWorker(std::move(exited))); }
  std::optional<ToWorker> receive(Wait wait) override;

 private:
  void write_out();
  void read_in(Wait wait);

  int fd_;
  bool closed_ = false;
  std::string out_;
  LineBuffer lines_;
  std::deque<ToWorker> inbox_;  ///< At most what fits into one read.
};

}  // namespace clavier::worker
