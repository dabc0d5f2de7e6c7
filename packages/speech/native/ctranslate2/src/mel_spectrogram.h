// What Whisper hears: log-mel features of 10 ms frames (openai/whisper, audio.py).
#pragma once

#include <cstddef>
#include <vector>

namespace mediajob {

constexpr size_t kMelFrames = 3000; // 30 s

class MelSpectrogram {
public:
    explicit MelSpectrogram(int mels);

    // [mels][3000] of samples from `from` on, as if 30 s of silence followed. At most 30 s are looked at.
    std::vector<float> operator()(const std::vector<float> & samples, size_t from) const;

private:
    struct Filter {
        size_t             first = 0; // bin of the first weight
        std::vector<float> weights;
    };

    void power_of(const float * frame, float * power, float * scratch) const;

    std::vector<Filter> filters_;
    std::vector<float>  window_;
    std::vector<float>  cosine_, sine_; // of 2πk/400
};

} // namespace mediajob
