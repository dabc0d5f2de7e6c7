#include "model_file.h"

#include "errors.h"

#include "ggml.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sys/stat.h>

namespace mediajob {
namespace {

constexpr uint32_t kMagic          = 0x67676d6c;
constexpr int32_t  kQuantizeFactor = 1000; // a quantized file adds a version of its format times this to its type
constexpr int      kLargestState   = 4096;
constexpr int      kMostLayers     = 128;

class ModelFile {
public:
    explicit ModelFile(const std::string & path) : path_(path) {
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
        take(sizeof(value));
        stream_.read(reinterpret_cast<char *>(&value), sizeof(value));
        if (!stream_) {
            bad("cannot be read");
        }
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

void check_dimensions(ModelFile & file) {
    enum { kVocab, kAudioCtx, kAudioState, kAudioHead, kAudioLayer, kTextCtx, kTextState, kTextHead, kTextLayer, kMels, kType, kCount };
    std::array<int32_t, kCount> of{};
    for (auto & it : of) {
        it = file.number<int32_t>();
    }
    const auto within = [](int32_t value, int32_t least, int32_t most) { return value >= least && value <= most; };
    const bool sane   = within(of[kVocab], 51864, 51900) && of[kAudioCtx] == 1500 && within(of[kAudioState], 1, kLargestState) &&
        within(of[kAudioHead], 1, of[kAudioState]) && of[kAudioState] % of[kAudioHead] == 0 && within(of[kAudioLayer], 1, kMostLayers) &&
        within(of[kTextCtx], 16, 448) && of[kTextState] == of[kAudioState] && within(of[kTextHead], 1, of[kTextState]) &&
        of[kTextState] % of[kTextHead] == 0 && within(of[kTextLayer], 1, kMostLayers) && (of[kMels] == 80 || of[kMels] == 128) &&
        ggml_ftype_to_ggml_type(static_cast<ggml_ftype>(of[kType] % kQuantizeFactor)) != GGML_TYPE_COUNT;
    if (!sane) {
        file.bad("has dimensions that no Whisper model has");
    }
}

void check_tensor(ModelFile & file) {
    const auto rank   = file.number<int32_t>();
    const auto length = file.number<int32_t>();
    const auto type   = file.number<int32_t>();
    if (rank < 1 || rank > 4 || length < 1 || length > 256 || type < 0 || type >= GGML_TYPE_COUNT) {
        file.bad("has a damaged tensor");
    }
    int64_t elements = 1;
    int64_t row      = 0;
    for (int i = 0; i < rank; ++i) {
        const auto dimension = file.number<int32_t>();
        if (dimension < 1 || elements > INT32_MAX / dimension) {
            file.bad("has a damaged tensor");
        }
        elements *= dimension;
        row = i == 0 ? dimension : row;
    }
    file.skip(length);
    const auto kind  = static_cast<ggml_type>(type);
    const auto block = ggml_blck_size(kind);
    if (block < 1 || row % block != 0) {
        file.bad("has a damaged tensor");
    }
    file.skip(elements / block * static_cast<int64_t>(ggml_type_size(kind)));
}

} // namespace

void check_model_file(const std::string & path) {
    ModelFile file(path);
    if (file.size() < 4 || file.number<uint32_t>() != kMagic) {
        file.bad("is no ggml Whisper model");
    }
    check_dimensions(file);
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
        file.skip(length);
    }
    if (file.at() == file.size()) {
        file.bad("has no weights");
    }
    while (file.at() < file.size()) {
        check_tensor(file);
    }
}

} // namespace mediajob
