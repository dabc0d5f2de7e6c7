// Where in a window there is sound, and what that says about the times of its tokens.
#pragma once

#include "backend.h"

#include <cstdint>
#include <vector>

namespace mediajob {

// Levels of a window in steps of 10 ms, and which of them are speech.
class SoundLevels {
public:
    explicit SoundLevels(const std::vector<float> & samples);

    // Whether anything from `from_ms` on is loud enough to be speech.
    bool holds_sound(int64_t from_ms) const;

    // Whether enough of what is left after `from_ms` is as loud as speech for words to be missing there.
    bool is_unheard(int64_t from_ms) const;

    // Moves boundaries between words to the quietest place nearby, and takes silence off the ends of tokens. Attention finds
    // a word to within some 50 ms; where the sound sinks, it says more exactly where one ends (bench/README.md).
    // `tokens` follow each other without overlap, and still do afterwards.
    void refine(std::vector<Token *> & tokens) const;

private:
    int64_t sound_ms(int64_t from_ms, float above_db) const;
    // A pause inside of a word, close to one of its ends: what lies beyond it is the end or the beginning of its neighbour.
    void give_back(std::vector<Token *> & tokens) const;
    int64_t quietest(int64_t around_ms, int64_t from_ms, int64_t to_ms) const;
    bool    is_speech(int64_t step) const;
    float   at(int64_t step) const;

    std::vector<float> levels_; // dB of full scale
    float              loud_ = 0;
    float              speech_threshold_ = 0;
};

} // namespace mediajob
