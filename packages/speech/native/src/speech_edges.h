// Where in a window there is sound at all.
#pragma once

#include <cstdint>
#include <vector>

namespace mediajob {

constexpr int64_t kLongestPassMs = 30'000;

// Whether anything from `from_ms` on is loud enough to be speech, measured by the loudest tenth of the window.
bool holds_sound(const std::vector<float> & samples, int64_t from_ms);

} // namespace mediajob
