#include "patched_whisper.cpp" // made from whisper.cpp by patch_whisper.cmake

#include "open_whisper.h"

#include "token_times.h"

namespace mediajob::open_whisper {
namespace {

std::vector<whisper_ahead> heads_of(const whisper_hparams & shape) {
    std::vector<whisper_ahead> heads;
    for (const auto & [layer, head] : alignment_heads(shape.n_text_layer, shape.n_text_state, shape.n_text_head, shape.n_vocab)) {
        heads.push_back({layer, head});
    }
    return heads;
}

// A forward pass of the decoder over a whole text at once, without its cache and without its logits, up to the last
// layer that has an alignment head. whisper.cpp's own way (dtw_token_timestamps) costs more, needs attention without
// flash everywhere, and aborts the process on audio shorter than 160 ms.
struct AlignmentGraph {
    ggml_cgraph *              graph = nullptr;
    ggml_tensor *              tokens = nullptr;
    ggml_tensor *              positions = nullptr;
    ggml_tensor *              mask = nullptr;
    std::vector<ggml_tensor *> heads; // each [frames, tokens]
};

ggml_tensor * normalized(ggml_context * g, ggml_tensor * x, float eps, ggml_tensor * weight, ggml_tensor * bias) {
    return ggml_add(g, ggml_mul(g, ggml_norm(g, x, eps), weight), bias);
}

ggml_tensor * linear(ggml_context * g, ggml_tensor * weight, ggml_tensor * bias, ggml_tensor * x) {
    ggml_tensor * y = ggml_mul_mat(g, weight, x);
    return bias ? ggml_add(g, y, bias) : y;
}

ggml_tensor * self_attention(ggml_context * g, const whisper_layer_decoder & layer, ggml_tensor * x, ggml_tensor * mask,
    int head_size, int n_head, float scale) {
    const int64_t n = x->ne[1];
    ggml_tensor * q = ggml_reshape_3d(g, linear(g, layer.attn_q_w, layer.attn_q_b, x), head_size, n_head, n);
    ggml_tensor * k = ggml_reshape_3d(g, linear(g, layer.attn_k_w, nullptr, x), head_size, n_head, n);
    ggml_tensor * v = ggml_reshape_3d(g, linear(g, layer.attn_v_w, layer.attn_v_b, x), head_size, n_head, n);

    ggml_tensor * kq = ggml_mul_mat(g, ggml_permute(g, k, 0, 2, 1, 3), ggml_permute(g, q, 0, 2, 1, 3));
    kq               = ggml_soft_max_ext(g, kq, mask, scale * scale, 0.0f);
    ggml_tensor * kqv = ggml_mul_mat(g, ggml_cont(g, ggml_permute(g, v, 1, 2, 0, 3)), kq);
    return ggml_cont_2d(g, ggml_permute(g, kqv, 0, 2, 1, 3), static_cast<int64_t>(head_size) * n_head, n);
}

AlignmentGraph build_alignment_graph(whisper_context & context, whisper_state & state, ggml_context * g,
    const std::vector<whisper_ahead> & heads, int n_tokens, int frames) {
    const auto & model     = context.model;
    const auto & shape     = model.hparams;
    const bool   flash     = context.params.flash_attn;
    const int    n_state   = shape.n_text_state;
    const int    n_head    = shape.n_text_head;
    const int    head_size = n_state / n_head;
    const int    n_audio   = shape.n_audio_ctx;
    const int    n_padded  = flash ? GGML_PAD(n_audio, 256) : n_audio;
    const float  scale     = std::pow(static_cast<float>(head_size), -0.25f);
    ggml_tensor * cache_k  = state.kv_cross.k;
    ggml_tensor * cache_v  = state.kv_cross.v;
    const size_t  k_size   = ggml_element_size(cache_k);
    const size_t  v_size   = ggml_element_size(cache_v);

    AlignmentGraph result;
    result.graph     = ggml_new_graph_custom(g, WHISPER_MAX_NODES, false);
    result.tokens    = ggml_new_tensor_1d(g, GGML_TYPE_I32, n_tokens);
    result.positions = ggml_new_tensor_1d(g, GGML_TYPE_I32, n_tokens);
    result.mask      = ggml_new_tensor_2d(g, GGML_TYPE_F32, n_tokens, n_tokens);
    for (ggml_tensor * input : {result.tokens, result.positions, result.mask}) {
        ggml_set_input(input);
    }

    int last_layer = 0;
    for (const auto & head : heads) {
        last_layer = std::max(last_layer, static_cast<int>(head.n_text_layer));
    }
    ggml_tensor * x = ggml_add(g, ggml_get_rows(g, model.d_te, result.tokens), ggml_get_rows(g, model.d_pe, result.positions));
    for (int i = 0; i <= last_layer; ++i) {
        const auto & layer = model.layers_decoder[i];
        ggml_tensor * y = normalized(g, x, shape.eps, layer.attn_ln_0_w, layer.attn_ln_0_b);
        y = self_attention(g, layer, y, result.mask, head_size, n_head, scale);
        x = ggml_add(g, linear(g, layer.attn_ln_1_w, layer.attn_ln_1_b, y), x);

        y = normalized(g, x, shape.eps, layer.cross_attn_ln_0_w, layer.cross_attn_ln_0_b);
        ggml_tensor * q = ggml_reshape_3d(g, linear(g, layer.cross_attn_q_w, layer.cross_attn_q_b, y), head_size, n_head, n_tokens);
        q = ggml_permute(g, q, 0, 2, 1, 3);

        const size_t layer_offset = k_size * n_state * n_padded * i;
        for (const auto & head : heads) {
            if (head.n_text_layer != i) {
                continue;
            }
            ggml_tensor * k_head = ggml_view_2d(g, cache_k, head_size, frames, k_size * n_state, layer_offset + k_size * head_size * head.n_head);
            ggml_tensor * q_head = ggml_cont(g, ggml_view_2d(g, q, head_size, n_tokens, q->nb[1], q->nb[2] * head.n_head));
            // The keys in the cache carry the scale already, the query does not.
            ggml_tensor * weights = ggml_soft_max_ext(g, ggml_mul_mat(g, k_head, q_head), nullptr, scale, 0.0f);
            ggml_set_output(weights);
            ggml_build_forward_expand(result.graph, weights);
            result.heads.push_back(weights);
        }
        if (i == last_layer) {
            break; // what follows would only make the text's logits
        }

        ggml_tensor * k = ggml_view_3d(g, cache_k, head_size, n_padded, n_head, k_size * n_state, k_size * head_size, layer_offset);
        if (flash) {
            ggml_tensor * v = ggml_view_3d(g, cache_v, head_size, n_padded, n_head, v_size * n_state, v_size * head_size,
                v_size * n_state * n_padded * i);
            y = ggml_reshape_2d(g, ggml_flash_attn_ext(g, q, k, v, nullptr, scale, 0.0f, 0.0f), n_state, n_tokens);
        } else {
            ggml_tensor * v = ggml_view_3d(g, cache_v, n_audio, head_size, n_head, v_size * n_audio, v_size * n_audio * head_size,
                v_size * n_audio * n_state * i);
            ggml_tensor * kq = ggml_soft_max_ext(g, ggml_mul_mat(g, k, q), nullptr, scale, 0.0f);
            y = ggml_cont_2d(g, ggml_permute(g, ggml_mul_mat(g, v, kq), 0, 2, 1, 3), n_state, n_tokens);
        }
        x = ggml_add(g, linear(g, layer.cross_attn_ln_1_w, layer.cross_attn_ln_1_b, y), x);

        y = normalized(g, x, shape.eps, layer.mlp_ln_w, layer.mlp_ln_b);
        y = ggml_gelu(g, linear(g, layer.mlp_0_w, layer.mlp_0_b, y));
        x = ggml_add(g, linear(g, layer.mlp_1_w, layer.mlp_1_b, y), x);
    }
    return result;
}

} // namespace

int languages(whisper_context * context) {
    return context->vocab.is_multilingual() ? context->vocab.num_languages() : 1;
}

void reset_random(whisper_state * state) { state->decoders[0].rng = std::mt19937(0); }

void set_abort(whisper_state * state, ggml_abort_callback callback, void * user_data) {
    for (ggml_backend_t backend : state->backends) {
        ggml_backend_reg_t reg = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
        auto * set = reinterpret_cast<ggml_backend_set_abort_callback_t>(
            ggml_backend_reg_get_proc_address(reg, "ggml_backend_set_abort_callback"));
        if (set) {
            set(backend, callback, user_data);
        }
    }
}

int pass_start_frames() { return patched_pass_start; }

CrossAttention cross_attention(whisper_context * context, whisper_state * state, const std::vector<whisper_token> & text,
    int language_id, bool translate, int frames, int threads) {
    CrossAttention result;
    const auto &   vocab = context->vocab;
    std::vector<whisper_token> tokens = {vocab.token_sot};
    if (vocab.is_multilingual()) {
        tokens.push_back(vocab.token_sot + 1 + language_id);
        tokens.push_back(translate ? vocab.token_translate : vocab.token_transcribe);
    }
    const int first_row = static_cast<int>(tokens.size()); // of the token before the first word
    tokens.push_back(vocab.token_not);
    tokens.insert(tokens.end(), text.begin(), text.end());

    const int n_tokens = static_cast<int>(tokens.size());
    frames             = std::min(frames, context->model.hparams.n_audio_ctx);
    if (text.empty() || frames < 1 || n_tokens > context->model.hparams.n_text_ctx) {
        return result;
    }

    ggml_init_params memory = {state->sched_decode.meta.size(), state->sched_decode.meta.data(), true};
    ggml_context *   g      = ggml_init(memory);
    const auto &     shape  = context->model.hparams;
    const auto       heads  = heads_of(shape);
    AlignmentGraph   graph  = build_alignment_graph(*context, *state, g, heads, n_tokens, frames);
    ggml_free(g); // its memory is the state's: the tensors stay

    ggml_backend_sched_t sched = state->sched_decode.sched;
    if (!ggml_backend_sched_alloc_graph(sched, graph.graph)) {
        ggml_backend_sched_reset(sched);
        return result;
    }
    std::vector<int32_t> positions(n_tokens);
    std::iota(positions.begin(), positions.end(), 0);
    std::vector<float> mask(static_cast<size_t>(n_tokens) * n_tokens, 0.0f);
    for (int row = 0; row < n_tokens; ++row) {
        std::fill(mask.begin() + static_cast<size_t>(row) * n_tokens + row + 1, mask.begin() + static_cast<size_t>(row + 1) * n_tokens, -INFINITY);
    }
    ggml_backend_tensor_set(graph.tokens, tokens.data(), 0, tokens.size() * sizeof(tokens[0]));
    ggml_backend_tensor_set(graph.positions, positions.data(), 0, positions.size() * sizeof(positions[0]));
    ggml_backend_tensor_set(graph.mask, mask.data(), 0, mask.size() * sizeof(mask[0]));
    if (!ggml_graph_compute_helper(sched, graph.graph, threads)) {
        return result;
    }

    result.frames = frames;
    result.rows   = n_tokens - first_row;
    result.heads  = static_cast<int>(heads.size());
    result.correction_ms = alignment_correction_ms(shape.n_text_layer, shape.n_text_state, shape.n_vocab);
    const size_t head_floats = static_cast<size_t>(result.rows) * frames;
    result.weights.resize(head_floats * heads.size());
    for (size_t i = 0; i < heads.size(); ++i) {
        ggml_backend_tensor_get(graph.heads[i], result.weights.data() + i * head_floats,
            static_cast<size_t>(first_row) * frames * sizeof(float), head_floats * sizeof(float));
    }
    return result;
}

} // namespace mediajob::open_whisper
