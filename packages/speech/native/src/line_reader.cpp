#include "line_reader.h"

#include <cerrno>
#include <unistd.h>

namespace mediajob {

LineReader::Status LineReader::next(std::string & line) {
    for (size_t searched = 0;;) {
        const size_t newline = buffer_.find('\n', searched);
        if (newline != std::string::npos) {
            line.assign(buffer_, 0, newline);
            buffer_.erase(0, newline + 1);
            if (skipping_ || line.size() > longest_) {
                skipping_ = false;
                return Status::kTooLong;
            }
            return Status::kLine;
        }
        searched = buffer_.size();
        if (buffer_.size() > longest_) {
            skipping_ = true;
            buffer_.clear();
            searched = 0;
        }
        char          chunk[16384];
        const ssize_t got = ::read(fd_, chunk, sizeof(chunk));
        if (got > 0) {
            buffer_.append(chunk, static_cast<size_t>(got));
        } else if (got == 0 || errno != EINTR) {
            return Status::kEnd;
        }
    }
}

} // namespace mediajob
