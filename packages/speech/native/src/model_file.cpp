#include "model_file.h"

#include "errors.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

namespace mediajob {
namespace {

constexpr uint32_t kMagic          = 0x67676d6c;
constexpr int32_t  kQuantizeFactor = 1000; // a quantized file adds a version of its format times this to its type
constexpr int      kLargestState   = 4096;
constexpr int      kMostLayers     = 128;

// How many values a block of a type holds, and in how many bytes (ggml.c, `type_traits`).
struct BlockShape {
    int64_t values, bytes;
};

BlockShape block_of(int32_t type) {
    switch (type) {
        case ggml_number::kF32: return {1, 4};
        case ggml_number::kF16:
        case ggml_number::kBF16: return {1, 2};
        case 2: return {32, 18};  // q4_0
        case 3: return {32, 20};  // q4_1
        case 6: return {32, 22};  // q5_0
        case 7: return {32, 24};  // q5_1
        case ggml_number::kQ8_0: return {32, 34};
        case 10: return {256, 84};  // q2_K
        case 11: return {256, 110}; // q3_K
        case 12: return {256, 144}; // q4_K
        case 13: return {256, 176}; // q5_K
        case 14: return {256, 210}; // q6_K
        default: return {0, 0};
    }
}

// Whether a file may name this type as that of its weights (ggml.h, `enum ggml_ftype`).
bool is_file_type(int32_t type) { return type >= 0 && type <= 25 && type != 5 && type != 6; }

class Reader {
public:
    explicit Reader(const std::string & path) : path_(path) {
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0) {
            const int error = errno;
            throw EngineError(error_code::kModelNotFound, "the model " + path + " cannot be read: " + std::strerror(error));
        }
        if (!S_ISREG(info.st_mode)) {
            throw EngineError(error_code::kBadModel, "the model " + path + " is not a regular file");
        }
        size_ = info.st_size;
        stream_.open(path, std::ios::binary);
        if (!stream_) {
            throw EngineError(error_code::kModelNotFound, "the model " + path + " cannot be opened");
        }
    }

    int64_t at() const { return at_; }
    int64_t size() const { return size_; }

    template <typename T> T number() {
        T value{};
        read(&value, sizeof(value));
        return value;
    }

    std::string text(int64_t length) {
        std::string value(static_cast<size_t>(length), '\0');
        read(value.data(), length);
        return value;
    }

    void skip(int64_t bytes) {
        take(bytes);
        stream_.seekg(at_);
    }

    [[noreturn]] void bad(const std::string & what) const {
        throw EngineError(error_code::kBadModel, "the model " + path_ + " " + what + " (at byte " + std::to_string(at_) + "): pull it again");
    }

private:
    void read(void * into, int64_t bytes) {
        take(bytes);
        stream_.read(static_cast<char *>(into), bytes);
        if (!stream_) {
            bad("cannot be read");
        }
    }

    void take(int64_t bytes) {
        if (bytes < 0 || bytes > size_ - at_) {
            bad("is cut short or damaged");
        }
        at_ += bytes;
    }

    std::string   path_;
    std::ifstream stream_;
    int64_t       size_ = 0;
    int64_t       at_   = 0;
};

ModelDimensions read_dimensions(Reader & file) {
    std::array<int32_t, 11> n{};
    for (auto & it : n) {
        it = file.number<int32_t>();
    }
    const ModelDimensions of{n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10]};
    const auto within = [](int32_t value, int32_t least, int32_t most) { return value >= least && value <= most; };
    const bool sane   = within(of.vocabulary, 51864, 51900) && of.audio_context == 1500 && within(of.audio_state, 1, kLargestState) &&
        within(of.audio_heads, 1, of.audio_state) && of.audio_state % of.audio_heads == 0 && within(of.audio_layers, 1, kMostLayers) &&
        within(of.text_context, 16, 448) && of.text_state == of.audio_state && within(of.text_heads, 1, of.text_state) &&
        of.text_state % of.text_heads == 0 && within(of.text_layers, 1, kMostLayers) && (of.mels == 80 || of.mels == 128) &&
        is_file_type(of.type % kQuantizeFactor);
    if (!sane) {
        file.bad("has dimensions that no Whisper model has");
    }
    return of;
}

void read_tensor(Reader & file, ModelFile & into) {
    const auto rank   = file.number<int32_t>();
    const auto length = file.number<int32_t>();
    ModelTensor tensor;
    tensor.type = file.number<int32_t>();
    if (rank < 1 || rank > 4 || length < 1 || length > 256) {
        file.bad("has a damaged tensor");
    }
    int64_t elements = 1;
    for (int i = 0; i < rank; ++i) {
        const auto dimension = file.number<int32_t>();
        if (dimension < 1 || elements > INT32_MAX / dimension) {
            file.bad("has a damaged tensor");
        }
        elements *= dimension;
        tensor.dims.insert(tensor.dims.begin(), dimension);
    }
    const auto name  = file.text(length);
    const auto block = block_of(tensor.type);
    if (block.values < 1 || tensor.dims.back() % block.values != 0) {
        file.bad("has a damaged tensor");
    }
    tensor.offset = file.at();
    tensor.bytes  = elements / block.values * block.bytes;
    file.skip(tensor.bytes);
    into.tensors[name] = std::move(tensor);
}

} // namespace

ModelFile read_model_file(const std::string & path) {
    Reader    file(path);
    ModelFile result;
    result.path = path;
    if (file.size() < 4 || file.number<uint32_t>() != kMagic) {
        file.bad("is no ggml Whisper model");
    }
    result.dimensions = read_dimensions(file);
    const auto mels = file.number<int32_t>(), bins = file.number<int32_t>();
    if (mels < 1 || mels > 1024 || bins < 1 || bins > 4096) {
        file.bad("has damaged mel filters");
    }
    file.skip(static_cast<int64_t>(mels) * bins * 4);
    const auto tokens = file.number<int32_t>();
    if (tokens < 1 || tokens > 51900) {
        file.bad("has a damaged vocabulary");
    }
    for (int i = 0; i < tokens; ++i) {
        const auto length = file.number<uint32_t>();
        if (length > 4096) {
            file.bad("has a damaged vocabulary");
        }
        result.tokens.push_back(file.text(length));
    }
    if (file.at() == file.size()) {
        file.bad("has no weights");
    }
    while (file.at() < file.size()) {
        read_tensor(file, result);
    }
    return result;
}

} // namespace mediajob
