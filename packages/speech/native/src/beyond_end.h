// What is heard where the model had said that nothing follows.
#pragma once

#include "backend.h"

#include <vector>

namespace mediajob {

// Up to where it is speech: the number of segments that stay. It is judged harder than a text that the model went on to by
// itself, since noise sounds to it like "[BLANK_AUDIO]" or "(applause)". `from`: the first of the segments in question.
size_t speech_until(const std::vector<Segment> & segments, size_t from, const DecodeOptions & options);

} // namespace mediajob
