#include "ct2_model_reader.h"

#include "errors.h"
#include "token_times.h"

#include <ctranslate2/types.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <streambuf>

namespace mediajob {
namespace {

constexpr uint32_t kBinaryVersion = 6;
constexpr uint32_t kSpecRevision  = 3;
constexpr int64_t  kRowsAtOnce    = 256;

// CTranslate2's numbers for types in a file (its types.h, `enum class DataType`).
enum : uint8_t { kFloat = 0, kInt8 = 1, kInt16 = 2, kHalf = 4 };

float float_of_half(uint16_t half) {
    const uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 0x3ffu;
    float          value;
    uint32_t       bits;
    if (exponent == 0) {
        value = std::ldexp(static_cast<float>(fraction), -24);
        std::memcpy(&bits, &value, 4);
        bits |= sign;
    } else {
        bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
    }
    std::memcpy(&value, &bits, 4);
    return value;
}

// Round to nearest, ties to even.
uint16_t half_of_float(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    const uint32_t sign = bits >> 16 & 0x8000u;
    const float    size = std::fabs(value);
    if (!(size < 65520.0f)) {
        return static_cast<uint16_t>(sign | (std::isnan(value) ? 0x7e00u : 0x7c00u));
    }
    if (size < 6.103515625e-05f) {
        return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::nearbyint(size * 16777216.0f)));
    }
    const uint32_t rounded = (bits & 0x7fffffffu) + 0xfffu + (bits >> 13 & 1u);
    return static_cast<uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

const std::vector<float> & halves() {
    static const std::vector<float> table = [] {
        std::vector<float> result(65536);
        for (uint32_t i = 0; i < result.size(); ++i) {
            result[i] = float_of_half(static_cast<uint16_t>(i));
        }
        return result;
    }();
    return table;
}

// Reads whole tensors as floats.
class Weights {
public:
    explicit Weights(const ModelFile & file) : file_(file), stream_(file.path, std::ios::binary) {}

    const ModelTensor & tensor(const std::string & name) const {
        const auto it = file_.tensors.find(name);
        if (it == file_.tensors.end()) {
            throw EngineError(error_code::kBadModel, "the model " + file_.path + " has no tensor " + name + ": pull it again");
        }
        return it->second;
    }

    std::vector<float> floats(const std::string & name) { return rows(name, 0, tensor(name).dims.front()); }

    // Some rows (slices along the slowest dimension), so that a large matrix need not be here as a whole.
    std::vector<float> rows(const std::string & name, int64_t first, int64_t count) {
        const ModelTensor & it      = tensor(name);
        const int64_t       of_row  = it.bytes / it.dims.front();
        size_t              elements = static_cast<size_t>(count);
        for (size_t i = 1; i < it.dims.size(); ++i) {
            elements *= static_cast<size_t>(it.dims[i]);
        }
        std::string raw(static_cast<size_t>(of_row * count), '\0');
        stream_.seekg(it.offset + of_row * first);
        if (!stream_.read(raw.data(), of_row * count)) {
            throw EngineError(error_code::kBadModel, "the model " + file_.path + " cannot be read");
        }
        std::vector<float> values(elements);
        const char *       from = raw.data();
        const auto         word = [&](size_t at) {
            uint16_t bits;
            std::memcpy(&bits, from + at, 2);
            return bits;
        };
        const float * half = halves().data();
        switch (it.type) {
            case ggml_number::kF32: std::memcpy(values.data(), from, raw.size()); break;
            case ggml_number::kF16:
                for (size_t i = 0; i < elements; ++i) {
                    values[i] = half[word(2 * i)];
                }
                break;
            case ggml_number::kBF16:
                for (size_t i = 0; i < elements; ++i) {
                    const uint32_t bits = static_cast<uint32_t>(word(2 * i)) << 16;
                    std::memcpy(&values[i], &bits, 4);
                }
                break;
            case ggml_number::kQ8_0:
                for (size_t block = 0; block < elements / 32; ++block) {
                    const float   scale  = half[word(block * 34)];
                    const auto *  number = reinterpret_cast<const signed char *>(from + block * 34 + 2);
                    for (size_t i = 0; i < 32; ++i) {
                        values[block * 32 + i] = scale * static_cast<float>(number[i]);
                    }
                }
                break;
            default:
                throw EngineError(error_code::kBadModel,
                    "the model " + file_.path + " is quantized in a way that only the whisper.cpp engine reads: pull it as q8_0 or f16");
        }
        return values;
    }

private:
    const ModelFile & file_;
    std::ifstream     stream_;
};

template <typename T> void append(std::string & to, T value) { to.append(reinterpret_cast<const char *>(&value), sizeof(value)); }

void append_text(std::string & to, const std::string & text) {
    append(to, static_cast<uint16_t>(text.size() + 1));
    to.append(text.c_str(), text.size() + 1);
}

void append_head(std::string & to, const std::string & name, const std::vector<int64_t> & dims, uint8_t type, size_t bytes) {
    append_text(to, name);
    append(to, static_cast<uint8_t>(dims.size()));
    for (const int64_t dimension : dims) {
        append(to, static_cast<uint32_t>(dimension));
    }
    append(to, type);
    append(to, static_cast<uint32_t>(bytes));
}

void append_halves(std::string & to, const std::vector<float> & values) {
    for (const float value : values) {
        append(to, half_of_float(value));
    }
}

// int8 with the scale by which a row was multiplied.
void append_quantized(std::string & to, std::string & scales, const std::vector<float> & values, size_t columns) {
    for (size_t row = 0; row < values.size(); row += columns) {
        float largest = 0;
        for (size_t i = 0; i < columns; ++i) {
            largest = std::max(largest, std::fabs(values[row + i]));
        }
        const float scale = 127.0f / (largest > 0 ? largest : 127.0f);
        for (size_t i = 0; i < columns; ++i) {
            to.push_back(static_cast<char>(static_cast<int8_t>(std::nearbyint(values[row + i] * scale))));
        }
        append(scales, scale);
    }
}

// One after another, each made when it is read: a model is never in memory twice.
class Pieces : public std::streambuf {
public:
    explicit Pieces(std::vector<std::function<std::string()>> pieces) : pieces_(std::move(pieces)) {}

protected:
    int_type underflow() override {
        while (next_ < pieces_.size()) {
            here_ = pieces_[next_++]();
            if (!here_.empty()) {
                setg(here_.data(), here_.data(), here_.data() + here_.size());
                return traits_type::to_int_type(*gptr());
            }
        }
        here_.clear();
        here_.shrink_to_fit();
        return traits_type::eof();
    }

private:
    std::vector<std::function<std::string()>> pieces_;
    size_t                                    next_ = 0;
    std::string                               here_;
};

class PieceStream : public std::istream {
public:
    explicit PieceStream(std::vector<std::function<std::string()>> pieces) : std::istream(nullptr), buffer_(std::move(pieces)) {
        rdbuf(&buffer_);
        exceptions(std::ios::badbit); // what a piece throws is passed on
    }

private:
    Pieces buffer_;
};

// The variables of CTranslate2's WhisperSpec out of whisper.cpp's tensors; reference: its converters/transformers.py.
class ModelPieces {
public:
    ModelPieces(const ModelFile & file, bool quantize) : file_(file), weights_(std::make_shared<Weights>(file)), quantize_(quantize) {}

    std::unique_ptr<std::istream> stream() {
        const auto & d = file_.dimensions;
        for (const auto & side : {std::pair<const char *, int>{"encoder", d.audio_heads}, {"decoder", d.text_heads}}) {
            const std::string at = side.first;
            number(at + "/num_heads", kInt16, static_cast<int16_t>(side.second));
            number(at + "/pre_norm", kInt8, int8_t{1});
            number(at + "/activation", kInt8, int8_t{3}); // GELU
        }
        number("decoder/scale_embeddings", kInt8, int8_t{0});
        number("decoder/start_from_zero_embedding", kInt8, int8_t{0});
        number("decoder/alignment_layer", kInt16, int16_t{-1});
        number("decoder/alignment_heads", kInt16, int16_t{1});

        plain("encoder/position_encodings/encodings", "encoder.positional_embedding");
        for (const std::string conv : {"conv1", "conv2"}) {
            plain("encoder/" + conv + "/weight", "encoder." + conv + ".weight");
            plain("encoder/" + conv + "/bias", "encoder." + conv + ".bias", true);
        }
        for (int i = 0; i < d.audio_layers; ++i) {
            const auto to = "encoder/layer_" + std::to_string(i), from = "encoder.blocks." + std::to_string(i);
            self_attention(to, from, d.audio_state);
            feed_forward(to, from);
        }
        norm("encoder/layer_norm", "encoder.ln_post");
        plain("decoder/position_encodings/encodings", "decoder.positional_embedding");
        matrix("decoder/embeddings/weight", {"decoder.token_embedding.weight"});
        for (int i = 0; i < d.text_layers; ++i) {
            const auto to = "decoder/layer_" + std::to_string(i), from = "decoder.blocks." + std::to_string(i);
            self_attention(to, from, d.text_state);
            const auto cross = to + "/attention", heard = from + ".cross_attn";
            linear(cross + "/linear_0", {heard + ".query"});
            matrix(cross + "/linear_1/weight", {heard + ".key.weight", heard + ".value.weight"});
            biases(cross + "/linear_1/bias", {"", heard + ".value.bias"}, d.text_state);
            linear(cross + "/linear_2", {heard + ".out"});
            norm(cross + "/layer_norm", from + ".cross_attn_ln");
            feed_forward(to, from);
        }
        norm("decoder/layer_norm", "decoder.ln");

        std::string head;
        append(head, kBinaryVersion);
        append_text(head, "WhisperSpec");
        append(head, kSpecRevision);
        append(head, variables_);
        pieces_.insert(pieces_.begin(), [head] { return head; });
        pieces_.push_back([] {
            std::string tail;
            append(tail, uint32_t{1});
            append_text(tail, "decoder/projection/weight");
            append_text(tail, "decoder/embeddings/weight");
            return tail;
        });
        return std::make_unique<PieceStream>(std::move(pieces_));
    }

private:
    template <typename T> void number(const std::string & name, uint8_t type, T value) {
        ++variables_;
        pieces_.push_back([=] {
            std::string piece;
            append_head(piece, name, {}, type, sizeof(T));
            append(piece, value);
            return piece;
        });
    }

    static std::string halves_of(const std::string & name, const std::vector<int64_t> & dims, const std::vector<float> & values) {
        std::string piece;
        piece.reserve(values.size() * 2 + 256);
        append_head(piece, name, dims, kHalf, values.size() * 2);
        append_halves(piece, values);
        return piece;
    }

    // As float16, in its own shape; the biases of convolutions are columns in the ggml file.
    void plain(const std::string & name, const std::string & from, bool flat = false) {
        ++variables_;
        auto dims = weights_->tensor(from).dims;
        if (flat) {
            dims = {dims.front()};
        }
        pieces_.push_back([=, weights = weights_] { return halves_of(name, dims, weights->floats(from)); });
    }

    // Matrices below each other.
    void matrix(const std::string & name, const std::vector<std::string> & from) {
        int64_t rows = 0, columns = 0;
        for (const auto & it : from) {
            const auto & dims = weights_->tensor(it).dims;
            rows += dims.front();
            columns = dims.back();
        }
        variables_ += quantize_ ? 2 : 1;
        pieces_.push_back([=, weights = weights_, quantize = quantize_] {
            std::string piece, scales;
            piece.reserve(static_cast<size_t>(rows * (columns * (quantize ? 1 : 2) + 4)) + 1024);
            append_head(piece, name, {rows, columns}, quantize ? kInt8 : kHalf, static_cast<size_t>(rows * columns * (quantize ? 1 : 2)));
            append_head(scales, name + "_scale", {rows}, kFloat, static_cast<size_t>(rows) * 4);
            for (const auto & it : from) {
                const int64_t of_part = weights->tensor(it).dims.front();
                for (int64_t first = 0; first < of_part; first += kRowsAtOnce) {
                    const auto values = weights->rows(it, first, std::min(kRowsAtOnce, of_part - first));
                    if (quantize) {
                        append_quantized(piece, scales, values, static_cast<size_t>(columns));
                    } else {
                        append_halves(piece, values);
                    }
                }
            }
            return quantize ? piece.append(scales) : piece;
        });
    }

    // One after another; an empty name stands for zeros.
    void biases(const std::string & name, const std::vector<std::string> & from, int64_t state) {
        ++variables_;
        pieces_.push_back([=, weights = weights_] {
            std::vector<float> values;
            for (const auto & it : from) {
                const auto part = it.empty() ? std::vector<float>(static_cast<size_t>(state)) : weights->floats(it);
                values.insert(values.end(), part.begin(), part.end());
            }
            return halves_of(name, {static_cast<int64_t>(values.size())}, values);
        });
    }

    void linear(const std::string & name, const std::vector<std::string> & from) {
        matrix(name + "/weight", {from.front() + ".weight"});
        plain(name + "/bias", from.front() + ".bias");
    }

    void norm(const std::string & name, const std::string & from) {
        plain(name + "/gamma", from + ".weight");
        plain(name + "/beta", from + ".bias");
    }

    void self_attention(const std::string & to, const std::string & from, int64_t state) {
        const auto name = to + "/self_attention", heads = from + ".attn";
        matrix(name + "/linear_0/weight", {heads + ".query.weight", heads + ".key.weight", heads + ".value.weight"});
        biases(name + "/linear_0/bias", {heads + ".query.bias", "", heads + ".value.bias"}, state); // keys have none
        linear(name + "/linear_1", {heads + ".out"});
        norm(name + "/layer_norm", from + ".attn_ln");
    }

    void feed_forward(const std::string & to, const std::string & from) {
        linear(to + "/ffn/linear_0", {from + ".mlp.0"});
        linear(to + "/ffn/linear_1", {from + ".mlp.2"});
        norm(to + "/ffn/layer_norm", from + ".mlp_ln");
    }

    const ModelFile &                         file_;
    std::shared_ptr<Weights>                  weights_;
    bool                                      quantize_;
    uint32_t                                  variables_ = 0;
    std::vector<std::function<std::string()>> pieces_;
};

} // namespace

GgmlModelReader::GgmlModelReader(ModelFile file, const WhisperTokens & tokens, bool quantize)
    : file_(std::move(file)), tokens_(tokens), quantize_(quantize) {}

std::unique_ptr<std::istream> GgmlModelReader::get_file(const std::string & name, bool) {
    if (name == "model.bin") {
        return ModelPieces(file_, quantize_).stream();
    }
    if (name == "config.json") {
        return std::make_unique<std::istringstream>(config());
    }
    if (name == "vocabulary.txt") {
        return std::make_unique<std::istringstream>(vocabulary());
    }
    return nullptr;
}

std::string GgmlModelReader::config() const {
    const auto &     d = file_.dimensions;
    std::vector<int> languages;
    for (int i = 0; tokens_.multilingual() && i < tokens_.languages(); ++i) {
        languages.push_back(static_cast<int>(tokens_.language(i)));
    }
    return nlohmann::json{
        {"alignment_heads", alignment_heads(d.text_layers, d.text_state, d.text_heads, d.vocabulary)},
        {"lang_ids", languages},
        {"suppress_ids", tokens_.not_spoken()},
        {"suppress_ids_begin", tokens_.blank()},
    }.dump();
}

std::string GgmlModelReader::vocabulary() const {
    std::string text;
    for (size_t id = 0; id < tokens_.size(); ++id) {
        text += tokens_.name(id) + '\n';
    }
    return text;
}

} // namespace mediajob
