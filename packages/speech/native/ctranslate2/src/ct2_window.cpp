#include "ct2_window.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace mediajob {
namespace {

constexpr int64_t kTimestampMs = 20;

} // namespace

ParsedPass parse_pass(const std::vector<size_t> & ids, const WhisperTokens & tokens, int64_t pass_start_ms, int64_t duration_ms) {
    const auto time_of = [&](size_t id) {
        return std::clamp(pass_start_ms + static_cast<int64_t>(id - tokens.first_timestamp()) * kTimestampMs, pass_start_ms, duration_ms);
    };
    const auto is_time = [&](size_t i) { return i < ids.size() && ids[i] >= tokens.first_timestamp(); };

    ParsedPass result;
    Segment    segment;
    segment.start_ms   = pass_start_ms;
    const auto close   = [&](int64_t end_ms) {
        segment.end_ms = std::max(end_ms, segment.start_ms);
        for (auto & token : segment.tokens) {
            token.start_ms = segment.start_ms;
            token.end_ms   = segment.end_ms;
        }
        if (!segment.tokens.empty()) {
            result.segments.push_back(std::move(segment));
        }
        segment          = {};
        segment.start_ms = std::max(end_ms, pass_start_ms);
    };
    int64_t last_pair_ms = -1;
    for (size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] < tokens.end_of_text()) {
            segment.tokens.push_back({static_cast<int32_t>(ids[i]), tokens.bytes(ids[i]), 0, 0, 0});
        } else if (is_time(i)) {
            const int64_t ms = time_of(ids[i]);
            if (!segment.tokens.empty()) {
                close(ms);
                if (is_time(i + 1)) {
                    last_pair_ms = time_of(ids[i + 1]);
                }
            }
            segment.start_ms = ms;
        }
    }
    // A single timestamp at the end says that nothing follows; a pair, that something does. So does text behind the last pair
    // that has no end of its own: the next pass hears it better.
    const bool single = is_time(ids.size() - 1) && ids.size() > 1 && !is_time(ids.size() - 2);
    const bool cut    = !segment.tokens.empty();
    result.open       = !ids.empty() && !single && last_pair_ms > pass_start_ms && last_pair_ms < duration_ms;
    result.end_ms     = result.open ? last_pair_ms : duration_ms;
    if (cut) {
        close(duration_ms);
    }
    return result;
}

bool is_repetitive(const std::vector<size_t> & ids, const DecodeOptions & options) {
    constexpr size_t kLooked = 32; // whisper.cpp, `whisper_sequence_score`
    if (ids.size() <= kLooked) {
        return false;
    }
    std::map<size_t, int> counts;
    for (auto it = ids.end() - static_cast<std::ptrdiff_t>(kLooked); it != ids.end(); ++it) {
        ++counts[*it];
    }
    double entropy = 0;
    for (const auto & [id, count] : counts) {
        const double share = static_cast<double>(count) / kLooked;
        entropy -= share * std::log(share);
    }
    return entropy < static_cast<double>(options.entropy_threshold);
}

bool is_silence(const Hypothesis & it, const DecodeOptions & options) {
    return it.no_speech > options.no_speech_threshold && it.avg_logprob < options.logprob_threshold;
}

bool is_doubtful(const Hypothesis & it, const DecodeOptions & options) {
    if (is_silence(it, options)) {
        return false;
    }
    return it.avg_logprob < options.logprob_threshold || is_repetitive(it.ids, options);
}

} // namespace mediajob
