// Shared by the translation units of the shim: how a result, an error and a scalar cross the C boundary.
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#define GT_EXPORT extern "C" __attribute__((visibility("default")))

using T = at::Tensor*;

// libtorch had an optional of its own until it required C++17.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
template <typename V>
using Optional = std::optional<V>;
#else
template <typename V>
using Optional = c10::optional<V>;
#endif

// kind: 0 integer, 1 floating point, 2 boolean. Blittable from C#.
struct GtScalar {
    int32_t kind;
    int64_t integer;
    double real;
};

void gt_set_error(const char* what) noexcept;

inline at::Scalar scalar_of(const GtScalar& s) {
    if (s.kind == 0) return at::Scalar(s.integer);
    if (s.kind == 1) return at::Scalar(s.real);
    return at::Scalar(s.integer != 0);
}

// An undefined tensor crosses as null, like a failure, but leaves no error behind.
inline T own(at::Tensor t) { return t.defined() ? new at::Tensor(std::move(t)) : nullptr; }

inline at::IntArrayRef ints(const int64_t* p, int64_t n) { return at::IntArrayRef(p, static_cast<size_t>(n)); }

inline std::vector<at::Tensor> list_of(const T* p, int64_t n) {
    std::vector<at::Tensor> v;
    v.reserve(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; i++) v.push_back(*p[i]);
    return v;
}

// No exception may unwind into managed frames.
#define GT_GUARD(result_on_error, ...)                   \
    try {                                                \
        __VA_ARGS__                                      \
    } catch (const c10::Error& e) {                      \
        gt_set_error(e.what_without_backtrace());        \
    } catch (const std::exception& e) {                  \
        gt_set_error(e.what());                          \
    } catch (...) {                                      \
        gt_set_error("unknown C++ exception");           \
    }                                                    \
    return result_on_error;

#define GT_TENSOR(...) GT_GUARD(nullptr, return own(__VA_ARGS__);)
#define GT_VALUE(fallback, ...) GT_GUARD(fallback, return (__VA_ARGS__);)
#define GT_DO(...) GT_GUARD(0, __VA_ARGS__; return 1;)
