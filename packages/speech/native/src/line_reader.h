// Lines of a file descriptor, in bounded memory.
#pragma once

#include <cstddef>
#include <string>

namespace mediajob {

class LineReader {
public:
    enum class Status { kLine, kTooLong, kEnd };

    LineReader(int fd, size_t longest) : fd_(fd), longest_(longest) {}

    // Waits for the next line and gives it without its newline. kTooLong: a line longer than `longest` was skipped whole.
    // kEnd: no more will come; a last line without a newline is not a line, its writer died while writing it.
    Status next(std::string & line);

private:
    int         fd_;
    size_t      longest_;
    std::string buffer_;
    bool        skipping_ = false;
};

} // namespace mediajob
