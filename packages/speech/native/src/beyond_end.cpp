#include "beyond_end.h"

#include <algorithm>
#include <array>
#include <string>

namespace mediajob {
namespace {

// How a text begins that describes a sound instead of saying what somebody said.
bool is_description(const Segment & segment) {
    static const std::array<const char *, 7> kMarks = {"[", "(", "*", "♪", "♫", "（", "【"};
    std::string                              text;
    for (const auto & it : segment.tokens) {
        text += it.bytes;
    }
    text.erase(0, text.find_first_not_of(' '));
    return std::any_of(kMarks.begin(), kMarks.end(), [&](const char * it) { return text.rfind(it, 0) == 0; });
}

} // namespace

size_t speech_until(const std::vector<Segment> & segments, size_t from, const DecodeOptions & options) {
    const auto begin = segments.begin() + static_cast<std::ptrdiff_t>(std::min(from, segments.size()));
    const auto end   = std::find_if(begin, segments.end(), [&](const Segment & it) {
        return it.no_speech_probability > options.no_speech_threshold || it.avg_logprob < options.logprob_threshold || is_description(it);
    });
    return static_cast<size_t>(end - segments.begin());
}

} // namespace mediajob
