#include "speech_edges.h"

#include "wav_range.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string>

namespace mediajob {
namespace {

constexpr int64_t kStepMs      = 10;
constexpr size_t  kStepSamples = static_cast<size_t>(kSampleRate * kStepMs / 1000);

constexpr float kUsefulRangeDb = 12; // between quiet and loud: with less, there is noise everywhere and no edge to find
constexpr float kBelowLoudDb   = 35; // this far below the loudest, nothing is speech
constexpr float kBelowSpeechDb = 20; // a quiet voice beside a loud one is still within
constexpr float kAboveQuiet    = 0.3f; // of the way from quiet to loud

constexpr int64_t kSnapMs     = 60;
constexpr float   kSnapDbPerMs = 0.1f; // how much quieter it has to be to be worth moving further
constexpr int64_t kLeastTokenMs = 20;
constexpr int64_t kLeastSilenceMs = 100; // a stop consonant is a silence, too, but a shorter one
constexpr int64_t kLeastPauseMs   = 150;
constexpr int64_t kMostOfOtherMs  = 120; // of a neighbour's sound on this side of a pause
constexpr int64_t kLeastWordMs    = 60;

float quantile(std::vector<float> values, double q) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

bool begins_word(const Token & token) { return !token.bytes.empty() && token.bytes[0] == ' '; }

// Such tokens are not spoken: attention puts them where nothing else is, which is the pause after a word.
bool is_punctuation(const Token & token) {
    static const std::array<const char *, 7> kWide = {"。", "、", "，", "！", "？", "…", "：",};
    const auto ascii = [](char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0; };
    return std::all_of(token.bytes.begin(), token.bytes.end(), ascii) ||
        std::any_of(kWide.begin(), kWide.end(), [&](const char * it) { return token.bytes == it; });
}

} // namespace

SoundLevels::SoundLevels(const std::vector<float> & samples) {
    levels_.reserve(samples.size() / kStepSamples + 1);
    for (size_t begin = 0; begin < samples.size(); begin += kStepSamples) {
        const size_t end = std::min(begin + kStepSamples, samples.size());
        double       sum = 0;
        for (size_t i = begin; i < end; ++i) {
            sum += static_cast<double>(samples[i]) * static_cast<double>(samples[i]);
        }
        levels_.push_back(static_cast<float>(10 * std::log10(sum / static_cast<double>(end - begin) + 1e-10)));
    }
    loud_             = quantile(levels_, 0.9);
    const float quiet = quantile(levels_, 0.1);
    speech_threshold_ = loud_ - quiet > kUsefulRangeDb ? std::max(quiet + kAboveQuiet * (loud_ - quiet), loud_ - kBelowLoudDb) : -INFINITY;
}

float SoundLevels::at(int64_t step) const { return levels_[static_cast<size_t>(std::clamp<int64_t>(step, 0, static_cast<int64_t>(levels_.size()) - 1))]; }

bool SoundLevels::is_speech(int64_t step) const { return at(step) >= speech_threshold_; }

int64_t SoundLevels::sound_ms(int64_t from_ms, float above_db) const {
    const auto from = std::min(static_cast<size_t>(from_ms / kStepMs), levels_.size());
    return kStepMs * std::count_if(levels_.begin() + static_cast<std::ptrdiff_t>(from), levels_.end(), [&](float it) { return it > above_db; });
}

bool SoundLevels::holds_sound(int64_t from_ms) const {
    constexpr int64_t kLeastMs = 100; // shorter than any word
    return sound_ms(from_ms, loud_ - kBelowSpeechDb) >= kLeastMs;
}

bool SoundLevels::is_unheard(int64_t from_ms) const {
    constexpr int64_t kLeastMs = 1'500; // a sentence: a word or two are more often noise than missed
    return sound_ms(from_ms, std::max(speech_threshold_, loud_ - kBelowSpeechDb)) >= kLeastMs;
}

int64_t SoundLevels::quietest(int64_t around_ms, int64_t from_ms, int64_t to_ms) const {
    int64_t best      = around_ms;
    float   best_cost = INFINITY;
    for (int64_t ms = std::max(from_ms, around_ms - kSnapMs); ms <= std::min(to_ms, around_ms + kSnapMs); ms += kStepMs) {
        const int64_t step = ms / kStepMs;
        const float   cost = (at(step) + at(step - 1)) / 2 + kSnapDbPerMs * static_cast<float>(std::abs(ms - around_ms));
        if (cost < best_cost) {
            best_cost = cost;
            best      = ms;
        }
    }
    return best;
}

void SoundLevels::give_back(std::vector<Token *> & tokens) const {
    for (size_t i = 0; i < tokens.size(); ++i) {
        Token & token = *tokens[i];
        if (is_punctuation(token)) {
            continue;
        }
        int64_t first_from = -1, first_to = -1, last_from = -1, last_to = -1;
        for (int64_t at = token.start_ms; at < token.end_ms;) {
            if (is_speech(at / kStepMs)) {
                at += kStepMs;
                continue;
            }
            const int64_t from = at;
            while (at < token.end_ms && !is_speech(at / kStepMs)) {
                at += kStepMs;
            }
            if (at - from >= kLeastPauseMs) {
                if (first_from < 0) {
                    first_from = from;
                    first_to   = at;
                }
                last_from = from;
                last_to   = at;
            }
        }
        if (begins_word(token) && first_from > token.start_ms && first_from - token.start_ms <= kMostOfOtherMs && token.end_ms - first_to >= kLeastWordMs) {
            if (i > 0 && tokens[i - 1]->end_ms == token.start_ms) {
                tokens[i - 1]->end_ms = first_from;
            }
            token.start_ms = first_to;
        }
        if (i + 1 < tokens.size() && last_from > token.start_ms && last_to < token.end_ms && token.end_ms - last_to <= kMostOfOtherMs &&
            last_from - token.start_ms >= kLeastWordMs && begins_word(*tokens[i + 1])) {
            if (tokens[i + 1]->start_ms == token.end_ms) {
                tokens[i + 1]->start_ms = last_to;
            }
            token.end_ms = last_from;
        }
    }
}

void SoundLevels::refine(std::vector<Token *> & tokens) const {
    for (size_t i = 1; i < tokens.size(); ++i) {
        Token & before = *tokens[i - 1];
        Token & token  = *tokens[i];
        if (begins_word(token) && before.end_ms == token.start_ms) {
            before.end_ms = token.start_ms = quietest(token.start_ms, std::min(before.start_ms + kLeastTokenMs, token.start_ms),
                std::max(token.end_ms - kLeastTokenMs, token.start_ms));
        }
    }
    give_back(tokens);
    for (Token * token : tokens) {
        int64_t start = token->start_ms, end = token->end_ms;
        while (start < end && !is_speech(start / kStepMs)) {
            start += kStepMs;
        }
        while (end > start && !is_speech((end - 1) / kStepMs)) {
            end -= kStepMs;
        }
        if (start >= end) {
            if (is_punctuation(*token)) {
                token->end_ms = token->start_ms;
            }
            continue; // a word this quiet keeps its time
        }
        if (start - token->start_ms >= kLeastSilenceMs) {
            token->start_ms = start;
        }
        if (token->end_ms - end >= kLeastSilenceMs) {
            token->end_ms = end;
        }
    }
}

} // namespace mediajob
