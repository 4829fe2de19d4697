#include "study/cause.h"

#include <cctype>

namespace clavier {

std::string cause_of(std::string_view error) {
  std::string cause;
  bool in_number = false;
  bool in_word = false;
  for (const char c : error) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    const bool part_of_number =
        in_number && (std::isxdigit(static_cast<unsigned char>(c)) || c == '.' || c == 'x');
    if (!in_word && (digit || part_of_number)) {
      if (!in_number) cause += '#';
      in_number = true;
      continue;
    }
    in_number = false;
    in_word = std::isalpha(static_cast<unsigned char>(c)) || c == '_' || (in_word && digit);
    cause += c;
  }
  return cause;
}

}  // namespace clavier
