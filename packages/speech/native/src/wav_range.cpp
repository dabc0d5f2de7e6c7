#include "wav_range.h"

#include "errors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mediajob {
namespace {

// A plan rounds the length of the audio to whole ms, and a codec may add a frame: that much a range may stick out.
constexpr int64_t kToleranceMs = 100;

class File {
public:
    explicit File(const std::string & path) : path_(path) {
        // O_NONBLOCK: opening a pipe must not hang; it has no effect on a regular file.
        fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd_ < 0) {
            const int error = errno;
            if (error == ENOENT || error == ENOTDIR) {
                throw EngineError(error_code::kInputNotFound, "there is no file " + path);
            }
            throw EngineError(error_code::kStorageError, path + " cannot be opened: " + std::strerror(error));
        }
        struct stat info {};
        if (::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) {
            ::close(fd_);
            throw EngineError(error_code::kBadInput, path + " is not a regular file");
        }
        size_ = info.st_size;
    }
    ~File() { ::close(fd_); }
    File(const File &) = delete;
    File & operator=(const File &) = delete;

    int64_t size() const { return size_; }

    // Reads exactly `bytes`, or says that the file is cut short.
    void read(int64_t offset, void * target, int64_t bytes) const {
        char * to = static_cast<char *>(target);
        while (bytes > 0) {
            const ssize_t got = ::pread(fd_, to, static_cast<size_t>(bytes), offset);
            if (got < 0) {
                if (errno == EINTR) {
                    continue;
                }
                throw EngineError(error_code::kStorageError, path_ + " cannot be read: " + std::strerror(errno));
            }
            if (got == 0) {
                throw EngineError(error_code::kBadInput, path_ + " is cut short");
            }
            to += got;
            offset += got;
            bytes -= got;
        }
    }

private:
    std::string path_;
    int         fd_   = -1;
    int64_t     size_ = 0;
};

uint16_t little16(const unsigned char * at) { return static_cast<uint16_t>(at[0] | at[1] << 8); }
uint32_t little32(const unsigned char * at) { return static_cast<uint32_t>(little16(at)) | static_cast<uint32_t>(little16(at + 2)) << 16; }
uint64_t little64(const unsigned char * at) { return static_cast<uint64_t>(little32(at)) | static_cast<uint64_t>(little32(at + 4)) << 32; }

struct SampleData {
    int64_t offset = 0;
    int64_t bytes  = 0;
};

void check_format(const unsigned char * fmt, int64_t bytes, const std::string & path) {
    constexpr int kPcm = 1, kExtensible = 0xFFFE;
    int tag = little16(fmt);
    if (tag == kExtensible && bytes >= 26) {
        tag = little16(fmt + 24); // the first two bytes of the sub-format's GUID
    }
    const int channels = little16(fmt + 2);
    const uint32_t rate = little32(fmt + 4);
    const int bits = little16(fmt + 14);
    if (tag != kPcm || channels != 1 || rate != kSampleRate || bits != 16) {
        throw EngineError(error_code::kBadInput,
            path + " must be 16-bit PCM with 1 channel at 16000 Hz, but it is format " + std::to_string(tag) + " with " +
                std::to_string(bits) + " bits, " + std::to_string(channels) + " channel(s) at " + std::to_string(rate) +
                " Hz: convert it first");
    }
}

// Walks the chunks of a RIFF file up to its samples.
SampleData find_samples(const File & file, const std::string & path) {
    unsigned char head[40];
    if (file.size() < 12) {
        throw EngineError(error_code::kBadInput, path + " is too short to be a WAV file");
    }
    file.read(0, head, 12);
    const bool rf64 = std::memcmp(head, "RF64", 4) == 0;
    if ((!rf64 && std::memcmp(head, "RIFF", 4) != 0) || std::memcmp(head + 8, "WAVE", 4) != 0) {
        throw EngineError(error_code::kBadInput, path + " is not a WAV file");
    }
    bool    known_format = false;
    int64_t data_bytes64 = -1;
    for (int64_t at = 12; at + 8 <= file.size();) {
        file.read(at, head, 8);
        const int64_t bytes = little32(head + 4);
        const int64_t body  = at + 8;
        if (std::memcmp(head, "fmt ", 4) == 0) {
            if (bytes < 16) {
                throw EngineError(error_code::kBadInput, path + " has a damaged header");
            }
            file.read(body, head, std::min<int64_t>(bytes, sizeof(head)));
            check_format(head, bytes, path);
            known_format = true;
        } else if (rf64 && std::memcmp(head, "ds64", 4) == 0 && bytes >= 16) {
            file.read(body, head, 16);
            data_bytes64 = static_cast<int64_t>(std::min<uint64_t>(little64(head + 8), INT64_MAX));
        } else if (std::memcmp(head, "data", 4) == 0) {
            if (!known_format) {
                throw EngineError(error_code::kBadInput, path + " has its samples before its format");
            }
            const int64_t there    = file.size() - body;
            int64_t       declared = bytes;
            if (declared == 0xFFFFFFFF) { // RF64, or written to a pipe: the length was not known
                declared = data_bytes64 >= 0 ? data_bytes64 : there;
            }
            return {body, std::min(declared, there)};
        }
        at = body + bytes + (bytes & 1);
    }
    throw EngineError(error_code::kBadInput, path + " holds no samples");
}

} // namespace

std::vector<float> read_wav_range(const std::string & path, int64_t start_ms, int64_t end_ms) {
    const File       file(path);
    const SampleData data = find_samples(file, path);

    constexpr int64_t kPerMs      = kSampleRate / 1000;
    const int64_t     samples     = data.bytes / 2;
    const int64_t     duration_ms = samples / kPerMs;
    if (start_ms >= duration_ms || end_ms > duration_ms + kToleranceMs) {
        throw EngineError(error_code::kBadRequest,
            "the range " + std::to_string(start_ms) + " to " + std::to_string(end_ms) + " ms is outside of " + path +
                ", which is " + std::to_string(duration_ms) + " ms long");
    }
    const int64_t first = start_ms * kPerMs;
    const int64_t count = std::min(end_ms * kPerMs, samples) - first;

    std::vector<int16_t> pcm(static_cast<size_t>(count));
    file.read(data.offset + first * 2, pcm.data(), count * 2);

    std::vector<float> result(static_cast<size_t>(count));
    for (size_t i = 0; i < result.size(); ++i) {
        const auto * bytes = reinterpret_cast<const unsigned char *>(&pcm[i]);
        result[i] = static_cast<float>(static_cast<int16_t>(little16(bytes))) / 32768.0f;
    }
    return result;
}

} // namespace mediajob
