// Whisper's vocabulary: text tokens, and the special ones behind them, by the rules of openai/whisper's tokenizer.py.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace mediajob {

// Codes of Whisper's languages, in the order of their tokens.
extern const std::vector<std::string> kWhisperLanguages;

class WhisperTokens {
public:
    // `text`: bytes of the plain tokens by id. `languages`: 99 or 100; 1 for an English-only model.
    WhisperTokens(std::vector<std::string> text, int vocabulary, bool multilingual, int languages);

    size_t end_of_text() const { return eot_; }
    size_t start() const { return eot_ + 1; }
    size_t language(int index) const { return start() + 1 + static_cast<size_t>(index); }
    size_t translate() const { return start() + 1 + language_tokens_; }
    size_t transcribe() const { return translate() + 1; }
    size_t previous() const { return translate() + 3; }
    size_t no_speech() const { return translate() + 4; }
    size_t no_timestamps() const { return translate() + 5; }
    size_t first_timestamp() const { return translate() + 6; }
    size_t size() const { return size_; }
    bool   multilingual() const { return multilingual_; }
    int    languages() const { return languages_; }

    // Index of a language by its code, or −1.
    int language_index(const std::string & code) const;
    // Bytes of a text token.
    const std::string & bytes(size_t id) const { return text_[id]; }
    // Splits a text into the longest tokens that there are, word by word, as whisper.cpp does.
    std::vector<size_t> encode(const std::string & text) const;
    // Tokens that are no speech: brackets, notes and the like, and special ones that must not be said (`non_speech_tokens`).
    std::vector<size_t> not_spoken() const;
    // A name for each token that is unique in the vocabulary; special ones are called as Whisper calls them.
    std::string name(size_t id) const;
    // Of a blank, which must not be all that is said.
    std::vector<size_t> blank() const;

private:
    size_t find(const std::string & bytes) const; // size() when there is none

    std::vector<std::string>                text_;
    std::unordered_map<std::string, size_t> ids_;
    size_t                                  size_;
    size_t                                  eot_;
    size_t                                  language_tokens_;
    bool                                    multilingual_;
    int                                     languages_;
};

} // namespace mediajob
