// How results, errors and tensors cross the C boundary. A tensor crosses as at::Tensor*, which is what TorchSharp's handles are.
#pragma once
#include <ATen/ATen.h>

#include <cstdint>
#include <exception>

#define GN_EXPORT extern "C" __attribute__((visibility("default")))

namespace gn {
using T = at::Tensor*;

void set_error(const char* what) noexcept;
}  // namespace gn

// No exception may unwind into managed frames. The text of one that was caught waits in gn_take_error.
#define GN_GUARD(result_on_error, ...)                 \
    try {                                              \
        __VA_ARGS__                                    \
    } catch (const c10::Error& e) {                    \
        gn::set_error(e.what_without_backtrace());     \
    } catch (const std::exception& e) {                \
        gn::set_error(e.what());                       \
    } catch (...) {                                    \
        gn::set_error("unknown C++ exception");        \
    }                                                  \
    return result_on_error;

// 1 where it went well, else 0.
#define GN_DO(...) GN_GUARD(0, __VA_ARGS__; return 1;)
