#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace clavier::cli {

/// The door between the program and an output stream: while it lives, what is written to `stream`
/// reaches its buffer as `report::visible` has it, so that no text from outside (a worker's error,
/// a name, a file) can move a terminal's cursor or hide a line, whichever command prints it.
class Door final {
 public:
  explicit Door(std::ostream& stream);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  /// Past the door, in order with what goes through it: terminal codes of our own around text that
  /// is clean already, and data for other programs.
  std::ostream& behind() { return behind_; }

  /// The error number of the first write that failed; 0: none.
  int flush();

 private:
  enum class Passes { kVisible, kAll };
  class Buffer final : public std::streambuf {
   public:
    Buffer(std::streambuf& to, Passes passes) : to_(to), passes_(passes) {}
    void end();  ///< Nothing follows what was begun.
    int failed = 0;

   private:
    int_type overflow(int_type byte) override;
    std::streamsize xsputn(const char* text, std::streamsize count) override;
    int sync() override;
    bool pass(std::string_view text);

    std::streambuf& to_;
    Passes passes_;
    std::string begun_;  ///< The beginning of a character or of the end of a line.
  };

  std::ostream& stream_;
  std::streambuf& to_;
  Buffer through_;
  Buffer past_;
  std::ostream behind_;
};

}  // namespace clavier::cli
