#include "alignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

namespace mediajob {
namespace {

constexpr int kMedianWidth = 7;

// Mean 0 and deviation 1 over the rows, for each frame of one head, in place.
void normalize_over_rows(float * weights, int rows, int frames) {
    std::vector<double> sum(static_cast<size_t>(frames)), squares(static_cast<size_t>(frames));
    for (int row = 0; row < rows; ++row) {
        for (int frame = 0; frame < frames; ++frame) {
            const double value = weights[static_cast<size_t>(row) * frames + frame];
            sum[frame] += value;
            squares[frame] += value * value;
        }
    }
    for (int frame = 0; frame < frames; ++frame) {
        const double mean     = sum[frame] / rows;
        const double variance = std::max(squares[frame] / rows - mean * mean, 0.0);
        sum[frame]            = mean;
        squares[frame]        = variance > 1e-18 ? 1.0 / std::sqrt(variance) : 0.0;
    }
    for (int row = 0; row < rows; ++row) {
        for (int frame = 0; frame < frames; ++frame) {
            float & value = weights[static_cast<size_t>(row) * frames + frame];
            value         = static_cast<float>((value - sum[frame]) * squares[frame]);
        }
    }
}

// Adds the running median of `from`, mirrored at its ends, to `to`.
void add_median(const float * from, int frames, float * to) {
    constexpr int kHalf = kMedianWidth / 2;
    for (int frame = 0; frame < frames; ++frame) {
        std::array<float, kMedianWidth> around;
        for (int offset = -kHalf; offset <= kHalf; ++offset) {
            int at = std::abs(frame + offset);
            if (at >= frames) {
                at = 2 * (frames - 1) - at;
            }
            around[offset + kHalf] = from[std::clamp(at, 0, frames - 1)];
        }
        for (int i = 1; i < kMedianWidth; ++i) { // seven values: insertion is the quickest
            const float value = around[i];
            int         j     = i;
            for (; j > 0 && around[j - 1] > value; --j) {
                around[j] = around[j - 1];
            }
            around[j] = value;
        }
        to[frame] += around[kHalf];
    }
}

// The first frame of each row on the path through `gain` [rows][frames] that gains most.
std::vector<int> best_path(const std::vector<float> & gain, int rows, int frames) {
    enum Step : uint8_t { kBoth, kRow, kFrame };
    const size_t         width = static_cast<size_t>(frames) + 1;
    std::vector<Step>    steps(static_cast<size_t>(rows + 1) * width, kFrame);
    constexpr float      kNever = std::numeric_limits<float>::infinity();
    std::vector<float>   before(width, kNever), here(width, kNever);
    before[0] = 0;
    for (int row = 1; row <= rows; ++row) {
        here[0]                               = kNever;
        steps[static_cast<size_t>(row) * width] = kRow;
        for (int frame = 1; frame <= frames; ++frame) {
            const float both = before[frame - 1], row_only = before[frame], frame_only = here[frame - 1];
            Step        step = kFrame;
            float       cost = frame_only;
            if (both < row_only && both < frame_only) {
                step = kBoth;
                cost = both;
            } else if (row_only < both && row_only < frame_only) {
                step = kRow;
                cost = row_only;
            }
            here[frame] = cost - gain[static_cast<size_t>(row - 1) * frames + frame - 1];
            steps[static_cast<size_t>(row) * width + frame] = step;
        }
        std::swap(before, here);
    }
    std::vector<int> first(static_cast<size_t>(rows), 0);
    for (int row = rows, frame = frames; row > 0 && frame > 0;) {
        first[row - 1] = frame - 1; // overwritten until the path leaves the row at its first frame
        switch (steps[static_cast<size_t>(row) * width + frame]) {
            case kBoth: --row; --frame; break;
            case kRow: --row; break;
            case kFrame: --frame; break;
        }
    }
    return first;
}

} // namespace

std::vector<int> align(const open_whisper::CrossAttention & attention) {
    const int rows = attention.rows, frames = attention.frames;
    if (rows < 1 || frames < 1) {
        return {};
    }
    const size_t       size = static_cast<size_t>(rows) * frames;
    std::vector<float> weights = attention.weights;
    std::vector<float> gain(size, 0.0f);
    for (int head = 0; head < attention.heads; ++head) {
        float * of_head = weights.data() + head * size;
        normalize_over_rows(of_head, rows, frames);
        for (int row = 0; row < rows; ++row) {
            add_median(of_head + static_cast<size_t>(row) * frames, frames, gain.data() + static_cast<size_t>(row) * frames);
        }
    }
    for (float & value : gain) {
        value /= static_cast<float>(std::max(attention.heads, 1));
    }
    return best_path(gain, rows, frames);
}

} // namespace mediajob
