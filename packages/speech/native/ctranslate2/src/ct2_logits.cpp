#include "ct2_logits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mediajob {
namespace {

using ctranslate2::DataType;
using ctranslate2::Device;
using ctranslate2::dim_t;
using ctranslate2::StorageView;

constexpr size_t kLatestFirstTimestamp = 50; // 1 s: speech that begins later begins a window of its own

// The logits as floats that can be read here; themselves where they are that already.
const StorageView & readable(const StorageView & logits, StorageView & copy) {
    if (logits.device() == Device::CPU && logits.dtype() == DataType::FLOAT32) {
        return logits;
    }
    copy = logits.dtype() == DataType::FLOAT32 ? logits.to(Device::CPU) : logits.to_float32().to(Device::CPU);
    return copy;
}

double log_sum_exp(const float * from, const float * to) {
    const float most = *std::max_element(from, to);
    double      sum  = 0;
    for (; from != to; ++from) {
        sum += std::exp(*from - most);
    }
    return most + std::log(sum);
}

} // namespace

float probability_of(const float * logits, size_t size, size_t token) {
    return static_cast<float>(std::exp(logits[token] - log_sum_exp(logits, logits + size)));
}

void NoSpeechProbe::apply(dim_t step, StorageView & logits, ctranslate2::DisableTokens &, const StorageView &,
    const std::vector<dim_t> & batch_offset, const std::vector<std::vector<size_t>> *) {
    if (step != 0) {
        return;
    }
    StorageView copy;
    const auto & all   = readable(logits, copy);
    const dim_t  beams = all.dim(0) / static_cast<dim_t>(batch_offset.size());
    for (dim_t i = 0; i < static_cast<dim_t>(batch_offset.size()); ++i) {
        probabilities_.push_back(probability_of(all.index<float>({i * beams, 0}), static_cast<size_t>(all.dim(-1)), no_speech_));
    }
}

void TimestampRules::apply(dim_t step, StorageView & logits, ctranslate2::DisableTokens & disable, const StorageView & sequences,
    const std::vector<dim_t> & batch_offset, const std::vector<std::vector<size_t>> * prefix) {
    const auto         first = static_cast<dim_t>(tokens_.first_timestamp()), end = static_cast<dim_t>(tokens_.size());
    const auto         eot   = static_cast<dim_t>(tokens_.end_of_text());
    const dim_t        rows  = logits.dim(0);
    std::vector<dim_t> open; // rows in which either text or a timestamp may come
    const auto         forbid = [&](dim_t row, dim_t from, dim_t to) {
        for (dim_t id = from; id < to; ++id) {
            disable.add(row, id);
        }
    };
    for (dim_t row = 0; row < rows; ++row) {
        const dim_t begin = get_sample_begin(rows, row, batch_offset, prefix);
        disable.add(row, static_cast<dim_t>(tokens_.no_timestamps()));
        if (step <= begin) {
            forbid(row, 0, first);
            forbid(row, first + static_cast<dim_t>(kLatestFirstTimestamp) + 1, end);
            continue;
        }
        const auto  at   = [&](dim_t i) { return static_cast<dim_t>(sequences.at<int32_t>({row, i})); };
        const dim_t last = at(step - 1);
        if (last >= first) {
            const bool pair = step - 1 <= begin || at(step - 2) >= first;
            if (pair) {
                forbid(row, first, end);
                continue;
            }
            forbid(row, 0, eot);
            forbid(row, first, last);
        } else {
            for (dim_t i = step - 1; i >= begin; --i) {
                if (at(i) >= first) {
                    forbid(row, first, at(i) + 1);
                    break;
                }
            }
        }
        open.push_back(row);
    }
    if (open.empty()) {
        return;
    }
    disable.apply();
    StorageView  copy;
    const auto & all = readable(logits, copy);
    for (const dim_t row : open) {
        const float * of_row = all.index<float>({row, 0});
        if (log_sum_exp(of_row + first, of_row + end) > *std::max_element(of_row, of_row + first)) {
            forbid(row, 0, first);
        }
    }
}

} // namespace mediajob
