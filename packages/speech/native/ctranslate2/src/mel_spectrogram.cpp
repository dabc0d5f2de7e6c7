#include "mel_spectrogram.h"

#include "wav_range.h"

#include <algorithm>
#include <cmath>

namespace mediajob {
namespace {

constexpr size_t kFft  = 400;
constexpr size_t kHop  = 160;
constexpr size_t kBins = kFft / 2 + 1;
constexpr size_t kOdd  = 25; // 400 = 16 × 25: halved four times, then transformed directly
constexpr double kPi   = 3.14159265358979323846;

// Slaney's scale: linear up to 1 kHz, logarithmic above (librosa, `mel_frequencies`).
double hertz_of(double mel) { return mel < 15 ? mel * 200 / 3 : 1000 * std::exp((mel - 15) * std::log(6.4) / 27); }
double mel_of(double hertz) { return hertz < 1000 ? hertz * 3 / 200 : 15 + std::log(hertz / 1000) * 27 / std::log(6.4); }

} // namespace

MelSpectrogram::MelSpectrogram(int mels) : window_(kFft), cosine_(kFft), sine_(kFft) {
    for (size_t i = 0; i < kFft; ++i) {
        const double angle = 2 * kPi * static_cast<double>(i) / kFft;
        window_[i]         = static_cast<float>(0.5 - 0.5 * std::cos(angle));
        cosine_[i]         = static_cast<float>(std::cos(angle));
        sine_[i]           = static_cast<float>(std::sin(angle));
    }
    const double highest = mel_of(kSampleRate / 2.0);
    const auto   edge    = [&](int i) { return hertz_of(highest * i / (mels + 1)); };
    for (int mel = 0; mel < mels; ++mel) {
        const double low = edge(mel), middle = edge(mel + 1), high = edge(mel + 2);
        Filter       filter;
        for (size_t bin = 0; bin < kBins; ++bin) {
            const double hertz  = static_cast<double>(bin) * kSampleRate / kFft;
            const double weight = std::min((hertz - low) / (middle - low), (high - hertz) / (high - middle)) * 2 / (high - low);
            if (weight <= 0) {
                continue;
            }
            if (filter.weights.empty()) {
                filter.first = bin;
            }
            filter.weights.push_back(static_cast<float>(weight));
        }
        filters_.push_back(std::move(filter));
    }
}

// The squared magnitudes of a frame's spectrum. Decimation in time, from the bottom up: 16 transforms of 25 samples
// (every sixteenth of the frame), joined by pairs four times.
void MelSpectrogram::power_of(const float * frame, float * power, float * scratch) const {
    constexpr size_t kParts = kFft / kOdd;
    float *          re     = scratch;
    float *          im     = scratch + kFft;
    float *          re2    = scratch + 2 * kFft;
    float *          im2    = scratch + 3 * kFft;
    for (size_t part = 0; part < kParts; ++part) {
        for (size_t k = 0; k < kOdd; ++k) {
            float real = 0, imaginary = 0;
            for (size_t n = 0; n < kOdd; ++n) {
                const size_t turn = (k * n % kOdd) * kParts;
                const float  it   = frame[n * kParts + part];
                real += it * cosine_[turn];
                imaginary -= it * sine_[turn];
            }
            re[part * kOdd + k] = real;
            im[part * kOdd + k] = imaginary;
        }
    }
    // `count` transforms of `size`, of the samples `offset + i × count`; the even ones are those of offset, the odd ones those
    // of offset + count / 2.
    for (size_t size = kOdd, count = kParts; count > 1; size *= 2, count /= 2) {
        const size_t half = count / 2;
        for (size_t offset = 0; offset < half; ++offset) {
            const float * even_re = re + offset * size;
            const float * even_im = im + offset * size;
            const float * odd_re  = re + (offset + half) * size;
            const float * odd_im  = im + (offset + half) * size;
            float *       to_re   = re2 + offset * 2 * size;
            float *       to_im   = im2 + offset * 2 * size;
            for (size_t k = 0; k < size; ++k) {
                const size_t turn = k * half;
                const float  c = cosine_[turn], s = -sine_[turn];
                const float  r = odd_re[k] * c - odd_im[k] * s;
                const float  i = odd_re[k] * s + odd_im[k] * c;
                to_re[k]        = even_re[k] + r;
                to_im[k]        = even_im[k] + i;
                to_re[k + size] = even_re[k] - r;
                to_im[k + size] = even_im[k] - i;
            }
        }
        std::swap(re, re2);
        std::swap(im, im2);
    }
    for (size_t bin = 0; bin < kBins; ++bin) {
        power[bin] = re[bin] * re[bin] + im[bin] * im[bin];
    }
}

std::vector<float> MelSpectrogram::operator()(const std::vector<float> & samples, size_t from) const {
    constexpr float   kSilence = -10.0f; // log10 of the least power that counts
    constexpr ssize_t kHalf    = kFft / 2;
    const auto        length   = static_cast<ssize_t>(std::min(samples.size() - std::min(from, samples.size()), kMelFrames * kHop));
    const float *     audio    = samples.data() + std::min(from, samples.size());

    std::vector<float> mel(filters_.size() * kMelFrames, kSilence);
    std::vector<float> frame(kFft), power(kBins), scratch(4 * kFft);
    float              loudest = kSilence;
    for (size_t i = 0; i < kMelFrames; ++i) {
        const ssize_t begin = static_cast<ssize_t>(i * kHop) - kHalf;
        if (begin >= length) {
            break; // nothing but silence follows
        }
        for (size_t n = 0; n < kFft; ++n) {
            const ssize_t at = std::abs(begin + static_cast<ssize_t>(n)); // mirrored before the beginning
            frame[n]         = at < length ? audio[at] * window_[n] : 0.0f;
        }
        power_of(frame.data(), power.data(), scratch.data());
        for (size_t m = 0; m < filters_.size(); ++m) {
            const Filter & filter = filters_[m];
            float          sum    = 0;
            for (size_t k = 0; k < filter.weights.size(); ++k) {
                sum += filter.weights[k] * power[filter.first + k];
            }
            const float value       = std::log10(std::max(sum, 1e-10f));
            mel[m * kMelFrames + i] = value;
            loudest                 = std::max(loudest, value);
        }
    }
    for (float & value : mel) {
        value = (std::max(value, loudest - 8.0f) + 4.0f) / 4.0f;
    }
    return mel;
}

} // namespace mediajob
