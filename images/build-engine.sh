#!/bin/sh
# Compiles the speech engine into one directory that can be moved as a whole.
#   build-engine.sh NATIVE WHISPER_CPP TARGET       with ACCELERATOR (cpu, cuda) and CUDA_ARCHITECTURES
set -eu
native=$1
whisper=$2
target=$3
case ${ACCELERATOR:-cpu} in
  cpu) set -- ;;
  cuda) set -- -DGGML_CUDA=ON "-DCMAKE_CUDA_ARCHITECTURES=$CUDA_ARCHITECTURES" ;;
  *)
    echo "ACCELERATOR must be cpu or cuda, not $ACCELERATOR" >&2
    exit 64
    ;;
esac
cmake -S "$native" -B /build -DCMAKE_BUILD_TYPE=Release -DMEDIAJOB_PORTABLE=ON "-DWHISPER_CPP_DIR=$whisper" "$@"
cmake --build /build --parallel "$(nproc)" --target mediajob-engine
mkdir -p "$target"
# Kernels are found by their file names, linked libraries by the names that the engine asks for.
cp -L /build/bin/mediajob-engine "$target/"
find /build/bin -name 'libggml-cpu-*.so' -exec cp {} "$target/" ';'
find /build/bin -name 'libggml-cuda.so' -exec cp {} "$target/" ';'
ldd /build/bin/mediajob-engine | sed -n 's/.* => \(\/build\/[^ ]*\) (.*/\1/p' | while read -r library; do
  cp -L "$library" "$target/"
done
strip --strip-unneeded "$target"/*
# CUDA's own libraries; libcuda comes from the driver of the node.
for library in $(find "$target" -name 'libggml-cuda*' -exec ldd {} + | sed -n 's/.* => \(\/[^ ]*lib\(cudart\|cublas\|cublasLt\)\.so[^ ]*\) (.*/\1/p'); do
  cp -L "$library" "$target/"
done
cp "$whisper/LICENSE" "$target/LICENSE.whisper.cpp"
rm -rf /build
