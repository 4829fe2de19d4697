#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/study_file.h"
#include "base/check.h"

/// Any bytes are a study file or an error, and what is accepted survives being shown. Bytes before
/// the first NUL, if there is one, are an override.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clavier;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<app::Override> overrides;
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    if (auto parsed = app::parse_override(text.substr(0, nul))) overrides.push_back(*parsed);
    text.remove_prefix(nul + 1);
  }
  const auto spec = app::parse_study(text, "fuzz.toml", overrides);
  if (!spec) {
    CHECK(!spec.error().message.empty());
    return 0;
  }
  const std::string shown = app::to_toml(*spec);
  const auto again = app::parse_study(shown, "fuzz.toml");
  CHECK(again.ok(), "what check shows is no study file");
  CHECK(app::to_toml(*again) == shown, "what check shows changes when it is read");
  const auto logged = app::parse_study(spec->text, "other.toml");
  CHECK(logged.ok(), "the logged text is no study file");
  CHECK(app::to_toml(*logged) == shown, "the logged text means another study");
  return 0;
}
