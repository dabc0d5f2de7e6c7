#include "token_times.h"

#include <algorithm>

namespace mediajob {
namespace {

using Heads = std::vector<std::pair<int, int>>;

enum class Family { kUnknown, kTinyEn, kTiny, kBaseEn, kBase, kSmallEn, kSmall, kMediumEn, kMedium, kLargeV2, kLargeV3, kTurbo };

Family family_of(int layers, int state, int vocabulary) {
    const bool english = vocabulary < 51865;
    const auto when    = [](bool known, Family it) { return known ? it : Family::kUnknown; };
    switch (layers) {
        case 4: return state == 1280 ? Family::kTurbo : when(state == 384, english ? Family::kTinyEn : Family::kTiny);
        case 6: return when(state == 512, english ? Family::kBaseEn : Family::kBase);
        case 12: return when(state == 768, english ? Family::kSmallEn : Family::kSmall);
        case 24: return when(state == 1024, english ? Family::kMediumEn : Family::kMedium);
        // large-v1 has the shape of large-v2; nobody should use it any more
        case 32: return when(state == 1280, vocabulary > 51865 ? Family::kLargeV3 : Family::kLargeV2);
        default: return Family::kUnknown;
    }
}

} // namespace

int alignment_correction_ms(int text_layers, int text_state, int vocabulary) {
    switch (family_of(text_layers, text_state, vocabulary)) {
        case Family::kBase: return 60;
        case Family::kTinyEn: return -110;
        default: return 0;
    }
}

Heads alignment_heads(int text_layers, int text_state, int text_heads, int vocabulary) {
    switch (family_of(text_layers, text_state, vocabulary)) {
        case Family::kTinyEn: return {{1, 0}, {2, 0}, {2, 5}, {3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 4}};
        case Family::kTiny: return {{2, 2}, {3, 0}, {3, 2}, {3, 3}, {3, 4}, {3, 5}};
        case Family::kBaseEn: return {{3, 3}, {4, 7}, {5, 1}, {5, 5}, {5, 7}};
        case Family::kBase: return {{3, 1}, {4, 2}, {4, 3}, {4, 7}, {5, 1}, {5, 2}, {5, 4}, {5, 6}};
        case Family::kSmallEn:
            return {{6, 6}, {7, 0}, {7, 3}, {7, 8}, {8, 2}, {8, 5}, {8, 7}, {9, 0}, {9, 4}, {9, 8}, {9, 10}, {10, 0}, {10, 1}, {10, 2},
                {10, 3}, {10, 6}, {10, 11}, {11, 2}, {11, 4}};
        case Family::kSmall: return {{5, 3}, {5, 9}, {8, 0}, {8, 4}, {8, 7}, {8, 8}, {9, 0}, {9, 7}, {9, 9}, {10, 5}};
        case Family::kMediumEn:
            return {{11, 4}, {14, 1}, {14, 12}, {14, 14}, {15, 4}, {16, 0}, {16, 4}, {16, 9}, {17, 12}, {17, 14}, {18, 7}, {18, 10},
                {18, 15}, {20, 0}, {20, 3}, {20, 9}, {20, 14}, {21, 12}};
        case Family::kMedium: return {{13, 15}, {15, 4}, {15, 15}, {16, 1}, {20, 0}, {23, 4}};
        case Family::kLargeV2:
            return {{10, 12}, {13, 17}, {16, 11}, {16, 12}, {16, 13}, {17, 15}, {17, 16}, {18, 4}, {18, 11}, {18, 19}, {19, 11}, {21, 2},
                {21, 3}, {22, 3}, {22, 9}, {22, 12}, {23, 5}, {23, 7}, {23, 13}, {25, 5}, {26, 1}, {26, 12}, {27, 15}};
        case Family::kLargeV3:
            return {{7, 0}, {10, 17}, {12, 18}, {13, 12}, {16, 1}, {17, 14}, {19, 11}, {21, 4}, {24, 1}, {25, 6}};
        case Family::kTurbo: return {{2, 4}, {2, 11}, {3, 3}, {3, 6}, {3, 11}, {3, 14}};
        case Family::kUnknown: break;
    }
    Heads heads;
    for (int layer = text_layers / 2; layer < text_layers; ++layer) {
        for (int head = 0; head < text_heads; ++head) {
            heads.emplace_back(layer, head);
        }
    }
    return heads;
}

void place_tokens(std::vector<Segment> & segments, const std::vector<int> & begins, const PassTimes & pass, const SoundLevels & levels) {
    size_t count = 0;
    for (const auto & it : segments) {
        count += it.tokens.size();
    }
    if (count == 0 || begins.size() != count + 1) {
        return;
    }
    std::vector<Token *> tokens;
    int64_t              previous = std::max(pass.start_ms, pass.previous_ms);
    for (auto & it : segments) {
        for (auto & token : it.tokens) {
            const int64_t end = pass.start_ms + begins[tokens.size() + 1] * kAttentionMs + pass.correction_ms;
            token.end_ms      = std::clamp(end, previous, std::max(previous, pass.duration_ms));
            token.start_ms    = &token == &it.tokens.front() ? std::clamp(it.start_ms, previous, token.end_ms) : previous;
            previous          = token.end_ms;
            tokens.push_back(&token);
        }
    }
    levels.refine(tokens);
    for (auto & it : segments) {
        if (!it.tokens.empty()) {
            it.start_ms = it.tokens.front().start_ms;
            it.end_ms   = it.tokens.back().end_ms;
        }
    }
}

} // namespace mediajob
