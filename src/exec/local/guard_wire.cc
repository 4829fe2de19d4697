#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "exec/local/guard.h"

namespace clavier::exec {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view cut_word(std::string_view& text) {
  const auto space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  return word;
}

}  // namespace

std::vector<std::string> to_arguments(const GuardOrder& order) {
  std::vector<std::string> arguments{std::string(kGuardFlag)};
  arguments.push_back(std::to_string(order.memory_mb));
  arguments.push_back(std::to_string(order.grace_ms));
  arguments.push_back(fmt::format("{}", fmt::join(order.cpu_ids, ",")));
  arguments.insert(arguments.end(), order.command.begin(), order.command.end());
  return arguments;
}

Result<GuardOrder> guard_order_from(const std::vector<std::string>& arguments) {
  const Error usage = invalid(
      "--guard is how Clavier starts its workers: --guard MEMORY_MB GRACE_MS CORES PROGRAM …");
  if (arguments.size() < 5 || arguments[0] != kGuardFlag) return usage;
  const auto memory = number(arguments[1]);
  const auto grace = number(arguments[2]);
  if (!memory || !grace || *memory < 0 || *grace < 0) return usage;
  GuardOrder order{.command = {arguments.begin() + 4, arguments.end()},
                   .memory_mb = *memory,
                   .grace_ms = *grace};
  for (std::string_view rest = arguments[3]; !rest.empty();) {
    const auto comma = rest.find(',');
    const auto cpu = number(rest.substr(0, comma));
    if (!cpu || *cpu < 0) return usage;
    order.cpu_ids.push_back(static_cast<int>(*cpu));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return order;
}

std::string to_packet(const GuardReport& report) {
  if (report.kind == GuardReport::Kind::kNotStarted) return "not-started " + report.error;
  if (report.kind == GuardReport::Kind::kNoRoom) return "no-room " + report.error;
  return fmt::format("ended {} {} {}", report.end.exit_code, report.end.signal,
                     report.out_of_memory ? 1 : 0);
}

std::optional<GuardReport> guard_report_from(std::string_view packet) {
  const std::string_view kind = cut_word(packet);
  if (kind == "not-started")
    return GuardReport{.kind = GuardReport::Kind::kNotStarted, .error = std::string(packet)};
  if (kind == "no-room")
    return GuardReport{.kind = GuardReport::Kind::kNoRoom, .error = std::string(packet)};
  const auto code = number(cut_word(packet));
  const auto signal = number(cut_word(packet));
  const auto memory = number(cut_word(packet));
  if (kind != "ended" || !code || !signal || !memory) return std::nullopt;
  return GuardReport{.end = {static_cast<int>(*code), static_cast<int>(*signal)},
                     .out_of_memory = *memory != 0};
}

}  // namespace clavier::exec
