#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/registry/study_spec.h"
#include "base/host_lock.h"
#include "cluster/discovery.h"

namespace clavier::app {

/// This host with the slots that the study wants, as if it had the host for itself.
Result<Node> this_node(const StudySpec& spec);

/// A study's part of a host that other studies use as well.
struct HostShare {
  Node node;
  std::vector<HostLock> held = {};        ///< Of the cores and devices of its slots.
  std::vector<std::string> remarks = {};  ///< What came out otherwise than alone.
};

/// The slots on cores and devices that no other study on this host holds, kept from others for as
/// long as the result lives. Where too few cores are free nothing is pinned; where some devices are
/// free the study makes do with them, and where none is it shares.
Result<HostShare> share_of_this_host(const StudySpec& spec);
/// The same for a given machine; `names` begins the names of the locks.
Result<HostShare> share_of(cluster::Machine machine, const StudySpec& spec, std::string_view names);

/// GPUs of this machine that its trials may use.
std::size_t gpus_of_this_host();
/// What `device = "auto"` means for a study that does not say how many GPUs a trial has: one of
/// those that there are, or a part of one where the study wants more workers. Nothing for all other
/// studies, of which `gpus` is not asked.
std::optional<double> gpus_by_itself(const StudySpec& spec,
                                     const std::function<std::size_t()>& gpus);
/// One line where there are GPUs, trials use none of them, and the study file does not say so.
std::string unused_gpus(const StudySpec& spec, const std::function<std::size_t()>& gpus);

}  // namespace clavier::app
