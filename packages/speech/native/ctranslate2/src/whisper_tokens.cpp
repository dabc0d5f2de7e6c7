#include "whisper_tokens.h"

#include <algorithm>
#include <cctype>

namespace mediajob {

const std::vector<std::string> kWhisperLanguages = {
    "en", "zh", "de", "es", "ru", "ko", "fr", "ja", "pt", "tr", "pl", "ca", "nl", "ar", "sv", "it", "id", "hi", "fi", "vi", "he", "uk",
    "el", "ms", "cs", "ro", "da", "hu", "ta", "no", "th", "ur", "hr", "bg", "lt", "la", "mi", "ml", "cy", "sk", "te", "fa", "lv", "bn",
    "sr", "az", "sl", "kn", "et", "mk", "br", "eu", "is", "hy", "ne", "mn", "bs", "kk", "sq", "sw", "gl", "mr", "pa", "si", "km", "sn",
    "yo", "so", "af", "oc", "ka", "be", "tg", "sd", "gu", "am", "yi", "lo", "uz", "fo", "ht", "ps", "tk", "nn", "mt", "sa", "lb", "my",
    "bo", "tl", "mg", "as", "tt", "haw", "ln", "ha", "ba", "jw", "su", "yue"};

namespace {

constexpr size_t kMultilingualText = 50257;
constexpr size_t kEnglishText      = 50256;

enum class Kind { kLetter, kDigit, kSpace, kOther };

// Bytes of other alphabets count as letters: their words then stay whole.
Kind kind_of(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalpha(byte) != 0 ? Kind::kLetter : std::isdigit(byte) != 0 ? Kind::kDigit : std::isspace(byte) != 0 ? Kind::kSpace : Kind::kOther;
}

} // namespace

WhisperTokens::WhisperTokens(std::vector<std::string> text, int vocabulary, bool multilingual, int languages)
    : text_(std::move(text)), size_(static_cast<size_t>(vocabulary)), eot_(multilingual ? kMultilingualText : kEnglishText),
      language_tokens_(multilingual ? static_cast<size_t>(languages) : 99), multilingual_(multilingual), languages_(languages) {
    text_.resize(eot_);
    for (size_t id = 0; id < text_.size(); ++id) {
        if (!text_[id].empty()) {
            ids_.emplace(text_[id], id);
        }
    }
}

int WhisperTokens::language_index(const std::string & code) const {
    const auto it    = std::find(kWhisperLanguages.begin(), kWhisperLanguages.end(), code);
    const auto index = static_cast<int>(it - kWhisperLanguages.begin());
    return it != kWhisperLanguages.end() && index < languages_ ? index : -1;
}

size_t WhisperTokens::find(const std::string & bytes) const {
    const auto it = ids_.find(bytes);
    return it == ids_.end() ? size_ : it->second;
}

std::vector<size_t> WhisperTokens::encode(const std::string & text) const {
    std::vector<size_t> result;
    for (size_t begin = 0; begin < text.size();) {
        // A word is a space, if there is one, and what is of one kind behind it.
        size_t     end  = begin + (text[begin] == ' ' && begin + 1 < text.size() && kind_of(text[begin + 1]) != Kind::kSpace ? 1 : 0);
        const Kind kind = kind_of(text[end]);
        while (end < text.size() && kind_of(text[end]) == kind) {
            ++end;
        }
        while (begin < end) {
            size_t length = end - begin;
            size_t id     = size_;
            for (; length > 0 && (id = find(text.substr(begin, length))) == size_; --length) {
            }
            if (id == size_) {
                ++begin; // a byte that the vocabulary does not know
                continue;
            }
            result.push_back(id);
            begin += length;
        }
    }
    return result;
}

std::vector<size_t> WhisperTokens::not_spoken() const {
    static const std::vector<std::string> kSymbols = {"\"", "#", "(", ")", "*", "+", "/", ":", ";", "<", "=", ">", "@", "[", "\\", "]", "^",
        "_", "`", "{", "|", "}", "~", "「", "」", "『", "』", "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", "(\"", "((", "))",
        "(((", ")))", "[[", "]]", "{{", "}}", "♪♪", "♪♪♪"};
    static const std::vector<std::string> kNotes   = {"♩", "♪", "♫", "♬", "♭", "♮", "♯"};
    std::vector<size_t>                   ids      = {find(" -"), find(" '")};
    for (const auto & symbol : kSymbols) {
        ids.push_back(find(symbol));
        ids.push_back(find(" " + symbol));
    }
    for (const auto & note : kNotes) { // of several tokens: the first is enough
        for (const auto & written : {note, " " + note}) {
            const auto tokens = encode(written);
            ids.push_back(tokens.empty() ? size_ : tokens.front());
        }
    }
    for (const size_t special : {start(), translate(), transcribe(), translate() + 2, previous(), no_speech()}) {
        ids.push_back(special);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    if (!ids.empty() && ids.back() == size_) {
        ids.pop_back();
    }
    return ids;
}

std::vector<size_t> WhisperTokens::blank() const {
    const size_t space = find(" ");
    return space == size_ ? std::vector<size_t>{eot_} : std::vector<size_t>{space, eot_};
}

std::string WhisperTokens::name(size_t id) const {
    if (id == eot_) return "<|endoftext|>";
    if (id == start()) return "<|startoftranscript|>";
    if (id > start() && id < translate()) return "<|" + kWhisperLanguages[id - start() - 1] + "|>";
    if (id == translate()) return "<|translate|>";
    if (id == transcribe()) return "<|transcribe|>";
    if (id == previous()) return "<|startofprev|>";
    if (id == no_speech()) return "<|nospeech|>";
    if (id == no_timestamps()) return "<|notimestamps|>";
    // CTranslate2 knows a multilingual vocabulary by its empty token.
    if (multilingual_ && id + 1 == eot_) return "";
    return "t" + std::to_string(id);
}

} // namespace mediajob
