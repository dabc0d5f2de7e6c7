#include "speech_edges.h"

#include "wav_range.h"

#include <algorithm>
#include <cmath>

namespace mediajob {
namespace {

constexpr int64_t kFrameMs      = 20;
constexpr size_t  kFrameSamples = static_cast<size_t>(kSampleRate * kFrameMs / 1000);

// Level of each frame of 20 ms, in dB of full scale.
std::vector<float> levels(const std::vector<float> & samples) {
    std::vector<float> result;
    result.reserve(samples.size() / kFrameSamples + 1);
    for (size_t at = 0; at < samples.size(); at += kFrameSamples) {
        const size_t end = std::min(at + kFrameSamples, samples.size());
        double       sum = 0;
        for (size_t i = at; i < end; ++i) {
            sum += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
        }
        result.push_back(static_cast<float>(10 * std::log10(sum / static_cast<double>(end - at) + 1e-10)));
    }
    return result;
}

float quantile(std::vector<float> values, double q) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

} // namespace

bool holds_sound(const std::vector<float> & samples, int64_t from_ms) {
    constexpr float kBelowSpeechDb = 20; // a quiet voice beside a loud one is still within
    constexpr int   kFramesOfSound = 5;  // 100 ms: shorter than any word
    const auto      all            = levels(samples);
    const size_t    from           = static_cast<size_t>(from_ms / kFrameMs);
    if (from >= all.size()) {
        return false;
    }
    const float threshold = quantile(all, 0.9) - kBelowSpeechDb;
    return std::count_if(all.begin() + static_cast<std::ptrdiff_t>(from), all.end(), [&](float it) { return it > threshold; }) >= kFramesOfSound;
}

} // namespace mediajob
