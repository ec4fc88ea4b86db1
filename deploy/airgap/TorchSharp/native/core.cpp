// Lifetime, metadata, factories, threads, random numbers, autograd.
#include "shim.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstring>

namespace {
thread_local std::string last_error;
thread_local bool has_error = false;

at::TensorOptions options_of(int32_t dtype, int32_t device_type, int32_t device_index) {
    auto options = at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype));
    return options.device(c10::Device(static_cast<c10::DeviceType>(device_type), static_cast<c10::DeviceIndex>(device_index)));
}
}  // namespace

void gt_set_error(const char* what) noexcept {
    try {
        last_error = what;
    } catch (...) {
        last_error.clear();
    }
    has_error = true;
}

// The text stays valid until the next failure on this thread.
GT_EXPORT const char* gt_take_error() {
    if (!has_error) return nullptr;
    has_error = false;
    return last_error.c_str();
}

GT_EXPORT const char* gt_version() { return TORCH_VERSION; }

GT_EXPORT void gt_dispose(T t) { delete t; }
GT_EXPORT T gt_alias(T t) { GT_TENSOR(*t) }

GT_EXPORT int64_t gt_ndim(T t) { return t->dim(); }
GT_EXPORT int64_t gt_numel(T t) { return t->numel(); }
GT_EXPORT int64_t gt_element_size(T t) { return static_cast<int64_t>(t->element_size()); }
GT_EXPORT int32_t gt_dtype(T t) { return static_cast<int32_t>(t->scalar_type()); }
GT_EXPORT int32_t gt_device_type(T t) { return static_cast<int32_t>(t->device().type()); }
GT_EXPORT int32_t gt_device_index(T t) { return static_cast<int32_t>(t->device().index()); }
GT_EXPORT int32_t gt_is_contiguous(T t) { GT_VALUE(-1, t->is_contiguous() ? 1 : 0) }
GT_EXPORT int32_t gt_is_leaf(T t) { GT_VALUE(-1, t->is_leaf() ? 1 : 0) }
GT_EXPORT int32_t gt_requires_grad(T t) { GT_VALUE(-1, t->requires_grad() ? 1 : 0) }
GT_EXPORT int32_t gt_set_requires_grad(T t, int32_t on) { GT_DO(t->set_requires_grad(on != 0)) }
GT_EXPORT void* gt_data(T t) { GT_VALUE(nullptr, t->data_ptr()) }

GT_EXPORT int32_t gt_sizes(T t, int64_t* sizes) {
    GT_DO(auto s = t->sizes(); std::copy(s.begin(), s.end(), sizes))
}
GT_EXPORT int32_t gt_strides(T t, int64_t* strides) {
    GT_DO(auto s = t->strides(); std::copy(s.begin(), s.end(), strides))
}

GT_EXPORT T gt_empty(const int64_t* size, int64_t n, int32_t dtype, int32_t dt, int32_t di) {
    GT_TENSOR(at::empty(ints(size, n), options_of(dtype, dt, di)))
}
GT_EXPORT T gt_full(const int64_t* size, int64_t n, GtScalar value, int32_t dtype, int32_t dt, int32_t di) {
    GT_TENSOR(at::full(ints(size, n), scalar_of(value), options_of(dtype, dt, di)))
}
GT_EXPORT T gt_arange(GtScalar start, GtScalar stop, GtScalar step, int32_t dtype, int32_t dt, int32_t di) {
    GT_TENSOR(at::arange(scalar_of(start), scalar_of(stop), scalar_of(step), options_of(dtype, dt, di)))
}
GT_EXPORT T gt_rand(const int64_t* size, int64_t n, int32_t dtype, int32_t dt, int32_t di) {
    GT_TENSOR(at::rand(ints(size, n), options_of(dtype, dt, di)))
}
GT_EXPORT T gt_randn(const int64_t* size, int64_t n, int32_t dtype, int32_t dt, int32_t di) {
    GT_TENSOR(at::randn(ints(size, n), options_of(dtype, dt, di)))
}
GT_EXPORT T gt_from_bytes(const void* data, const int64_t* size, int64_t n, int32_t dtype) {
    GT_GUARD(nullptr,
        auto t = at::empty(ints(size, n), options_of(dtype, 0, -1));
        if (t.nbytes() > 0) std::memcpy(t.data_ptr(), data, t.nbytes());
        return own(t);)
}

GT_EXPORT T gt_to(T t, int32_t dtype, int32_t dt, int32_t di, int32_t copy) {
    GT_TENSOR(t->to(options_of(dtype, dt, di), /*non_blocking=*/false, copy != 0))
}
GT_EXPORT T gt_to_type(T t, int32_t dtype, int32_t copy) {
    GT_TENSOR(t->to(static_cast<at::ScalarType>(dtype), /*non_blocking=*/false, copy != 0))
}

GT_EXPORT void gt_set_num_threads(int32_t n) {
    try {
        at::set_num_threads(n);
    } catch (const std::exception& e) {
        gt_set_error(e.what());
    }
}
GT_EXPORT int32_t gt_get_num_threads() { return at::get_num_threads(); }

GT_EXPORT int32_t gt_manual_seed(int64_t seed) {
    GT_DO(at::manual_seed(static_cast<uint64_t>(seed)))
}
GT_EXPORT int32_t gt_cuda_is_available() { GT_VALUE(0, at::hasCUDA() ? 1 : 0) }
GT_EXPORT int32_t gt_cuda_device_count() {
    GT_VALUE(0, at::hasCUDA() ? static_cast<int32_t>(c10::impl::VirtualGuardImpl(c10::DeviceType::CUDA).deviceCount()) : 0)
}

GT_EXPORT int32_t gt_grad_enabled() { return c10::GradMode::is_enabled() ? 1 : 0; }
GT_EXPORT void gt_set_grad_enabled(int32_t on) { c10::GradMode::set_enabled(on != 0); }

GT_EXPORT int32_t gt_backward(T t) { GT_DO(torch::autograd::backward({*t}, {})) }

// Gradients of the outputs' sum (weighted by grad_outputs where given) into results[inputs]; an unused input gives null.
GT_EXPORT int32_t gt_grad(const T* outputs, int64_t n_out, const T* inputs, int64_t n_in, const T* grads, int64_t n_grads,
                          int32_t retain, int32_t create, int32_t allow_unused, T* results) {
    GT_DO(
        auto r = torch::autograd::grad(list_of(outputs, n_out), list_of(inputs, n_in), list_of(grads, n_grads),
                                       retain != 0, create != 0, allow_unused != 0);
        for (size_t i = 0; i < r.size(); i++) results[i] = own(r[i]);)
}
