# Makes patched_whisper.cpp: whisper.cpp with changes that its parameters cannot express. Each must fit exactly once;
# a source that has changed stops the build instead of becoming something else.
#   cmake -DSOURCE=…/whisper.cpp -DTARGET=…/patched_whisper.cpp -P patch_whisper.cmake
file(READ "${SOURCE}" text)

function(replace_once what from to)
  string(FIND "${text}" "${from}" first)
  string(FIND "${text}" "${from}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "patch_whisper.cmake: '${what}' does not fit this whisper.cpp; it was made for 1.9.1")
  endif()
  string(REPLACE "${from}" "${to}" changed "${text}")
  set(text "${changed}" PARENT_SCOPE)
endfunction()

# Flash attention saves an eighth of the encoder's time on a CPU, but costs the decoder nearly half of its own
# (bench/README.md): one switch for both is wrong either way.
replace_once("flash attention in the encoder"
"            if (wctx.params.flash_attn) {
                ggml_build_forward_expand(gf, ggml_cpy(ctx0, Kcur, ggml_view_1d(ctx0, kv_pad.k"
"            if (true) {
                ggml_build_forward_expand(gf, ggml_cpy(ctx0, Kcur, ggml_view_1d(ctx0, kv_pad.k")

# Word times of a pass are computed before the next one overwrites its attention; they need to know where it began.
replace_once("a variable for the start of a pass"
"int whisper_full_with_state("
"static thread_local int patched_pass_start = 0;

int whisper_full_with_state(")
replace_once("the start of a pass"
"        if (params.encoder_begin_callback) {"
"        patched_pass_start = seek;

        if (params.encoder_begin_callback) {")

file(WRITE "${TARGET}" "${text}")
