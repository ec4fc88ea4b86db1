// The operations themselves: one export each, no logic of ours.
#include "shim.h"

#define GT_UNARY(name) \
    GT_EXPORT T gt_##name(T a) { GT_TENSOR(at::name(*a)) }
#define GT_METHOD(name, call) \
    GT_EXPORT T gt_##name(T a) { GT_TENSOR(a->call) }
#define GT_BINARY(name) \
    GT_EXPORT T gt_##name(T a, T b) { GT_TENSOR(at::name(*a, *b)) }
#define GT_COMPARE(name)                                                \
    GT_EXPORT T gt_##name(T a, T b) { GT_TENSOR(at::name(*a, *b)) }     \
    GT_EXPORT T gt_##name##_scalar(T a, GtScalar b) { GT_TENSOR(at::name(*a, scalar_of(b))) }

GT_UNARY(neg)
GT_UNARY(exp)
GT_UNARY(log)
GT_UNARY(sqrt)
GT_UNARY(rsqrt)
GT_UNARY(sin)
GT_UNARY(cos)
GT_UNARY(tanh)
GT_UNARY(erf)
GT_UNARY(sigmoid)
GT_UNARY(silu)
GT_UNARY(relu)
GT_UNARY(abs)
GT_UNARY(square)
GT_UNARY(reciprocal)
GT_UNARY(isfinite)
GT_UNARY(isnan)
GT_UNARY(logical_not)
GT_UNARY(nonzero)
GT_UNARY(clone)
GT_EXPORT T gt_gelu(T a) { GT_TENSOR(at::gelu(*a)) }
GT_METHOD(detach, detach())
GT_METHOD(contiguous, contiguous())
GT_METHOD(sqrt_, sqrt_())
GT_METHOD(zero_, zero_())
GT_METHOD(all, all())
GT_METHOD(any, any())
GT_METHOD(max, max())
GT_METHOD(min, min())

GT_BINARY(mul)
GT_BINARY(div)
GT_BINARY(maximum)
GT_BINARY(minimum)
GT_BINARY(logical_and)
GT_BINARY(logical_or)
GT_BINARY(matmul)
GT_BINARY(bmm)
GT_BINARY(mm)
GT_BINARY(outer)
GT_COMPARE(eq)
GT_COMPARE(ne)
GT_COMPARE(lt)
GT_COMPARE(le)
GT_COMPARE(gt)
GT_COMPARE(ge)
GT_COMPARE(pow)
GT_COMPARE(remainder)

GT_EXPORT T gt_add(T a, T b, GtScalar alpha) { GT_TENSOR(at::add(*a, *b, scalar_of(alpha))) }
GT_EXPORT T gt_sub(T a, T b) { GT_TENSOR(at::sub(*a, *b)) }
GT_EXPORT T gt_add_scalar(T a, GtScalar b) { GT_TENSOR(a->add(scalar_of(b))) }
GT_EXPORT T gt_sub_scalar(T a, GtScalar b) { GT_TENSOR(a->sub(scalar_of(b))) }
GT_EXPORT T gt_mul_scalar(T a, GtScalar b) { GT_TENSOR(a->mul(scalar_of(b))) }
GT_EXPORT T gt_div_scalar(T a, GtScalar b) { GT_TENSOR(a->div(scalar_of(b))) }
GT_EXPORT T gt_add_(T a, T b, GtScalar alpha) { GT_TENSOR(a->add_(*b, scalar_of(alpha))) }
GT_EXPORT T gt_sub_(T a, T b) { GT_TENSOR(a->sub_(*b)) }
GT_EXPORT T gt_mul_(T a, T b) { GT_TENSOR(a->mul_(*b)) }
GT_EXPORT T gt_div_(T a, T b) { GT_TENSOR(a->div_(*b)) }
GT_EXPORT T gt_add_scalar_(T a, GtScalar b) { GT_TENSOR(a->add_(scalar_of(b))) }
GT_EXPORT T gt_sub_scalar_(T a, GtScalar b) { GT_TENSOR(a->sub_(scalar_of(b))) }
GT_EXPORT T gt_mul_scalar_(T a, GtScalar b) { GT_TENSOR(a->mul_(scalar_of(b))) }
GT_EXPORT T gt_div_scalar_(T a, GtScalar b) { GT_TENSOR(a->div_(scalar_of(b))) }
GT_EXPORT T gt_addcmul_(T a, T b, T c, GtScalar v) { GT_TENSOR(a->addcmul_(*b, *c, scalar_of(v))) }
GT_EXPORT T gt_addcdiv_(T a, T b, T c, GtScalar v) { GT_TENSOR(a->addcdiv_(*b, *c, scalar_of(v))) }
GT_EXPORT T gt_copy_(T a, T b, int32_t non_blocking) { GT_TENSOR(a->copy_(*b, non_blocking != 0)) }
GT_EXPORT T gt_fill_(T a, GtScalar v) { GT_TENSOR(a->fill_(scalar_of(v))) }
GT_EXPORT T gt_addmm(T a, T m1, T m2, double beta, double alpha) { GT_TENSOR(at::addmm(*a, *m1, *m2, beta, alpha)) }
GT_EXPORT T gt_baddbmm(T a, T b1, T b2, double beta, double alpha) { GT_TENSOR(at::baddbmm(*a, *b1, *b2, beta, alpha)) }
GT_EXPORT T gt_clamp(T a, int32_t has_min, GtScalar min, int32_t has_max, GtScalar max) {
    GT_GUARD(nullptr,
        Optional<at::Scalar> lo;
        Optional<at::Scalar> hi;
        if (has_min) lo = scalar_of(min);
        if (has_max) hi = scalar_of(max);
        return own(at::clamp(*a, lo, hi));)
}

GT_EXPORT T gt_view(T a, const int64_t* s, int64_t n) { GT_TENSOR(a->view(ints(s, n))) }
GT_EXPORT T gt_reshape(T a, const int64_t* s, int64_t n) { GT_TENSOR(a->reshape(ints(s, n))) }
GT_EXPORT T gt_permute(T a, const int64_t* s, int64_t n) { GT_TENSOR(a->permute(ints(s, n))) }
GT_EXPORT T gt_expand(T a, const int64_t* s, int64_t n) { GT_TENSOR(a->expand(ints(s, n))) }
GT_EXPORT T gt_repeat(T a, const int64_t* s, int64_t n) { GT_TENSOR(a->repeat(ints(s, n))) }
GT_EXPORT T gt_flip(T a, const int64_t* s, int64_t n) { GT_TENSOR(a->flip(ints(s, n))) }
GT_EXPORT T gt_transpose(T a, int64_t d0, int64_t d1) { GT_TENSOR(a->transpose(d0, d1)) }
GT_EXPORT T gt_unsqueeze(T a, int64_t d) { GT_TENSOR(a->unsqueeze(d)) }
GT_EXPORT T gt_squeeze(T a, int32_t has_dim, int64_t d) { GT_TENSOR(has_dim ? a->squeeze(d) : a->squeeze()) }
GT_EXPORT T gt_flatten(T a, int64_t from, int64_t to) { GT_TENSOR(a->flatten(from, to)) }
GT_EXPORT T gt_slice(T a, int64_t d, int64_t from, int64_t to, int64_t step) { GT_TENSOR(a->slice(d, from, to, step)) }
GT_EXPORT T gt_narrow(T a, int64_t d, int64_t from, int64_t n) { GT_TENSOR(a->narrow(d, from, n)) }
GT_EXPORT T gt_select(T a, int64_t d, int64_t i) { GT_TENSOR(a->select(d, i)) }
GT_EXPORT T gt_triu(T a, int64_t k) { GT_TENSOR(a->triu(k)) }
GT_EXPORT T gt_tril(T a, int64_t k) { GT_TENSOR(a->tril(k)) }
GT_EXPORT T gt_repeat_interleave(T a, int64_t n, int32_t has_dim, int64_t d) {
    GT_GUARD(nullptr,
        Optional<int64_t> dim;
        if (has_dim) dim = d;
        return own(a->repeat_interleave(n, dim));)
}
GT_EXPORT T gt_cat(const T* p, int64_t n, int64_t d) { GT_TENSOR(at::cat(list_of(p, n), d)) }
GT_EXPORT T gt_stack(const T* p, int64_t n, int64_t d) { GT_TENSOR(at::stack(list_of(p, n), d)) }

GT_EXPORT T gt_index_select(T a, int64_t d, T i) { GT_TENSOR(a->index_select(d, *i)) }
GT_EXPORT T gt_gather(T a, int64_t d, T i) { GT_TENSOR(a->gather(d, *i)) }
GT_EXPORT T gt_scatter(T a, int64_t d, T i, T src) { GT_TENSOR(a->scatter(d, *i, *src)) }
GT_EXPORT T gt_scatter_(T a, int64_t d, T i, T src) { GT_TENSOR(a->scatter_(d, *i, *src)) }
GT_EXPORT T gt_index_add(T a, int64_t d, T i, T src, GtScalar alpha) { GT_TENSOR(a->index_add(d, *i, *src, scalar_of(alpha))) }
GT_EXPORT T gt_index_add_(T a, int64_t d, T i, T src, GtScalar alpha) { GT_TENSOR(a->index_add_(d, *i, *src, scalar_of(alpha))) }
GT_EXPORT T gt_index_copy_(T a, int64_t d, T i, T src) { GT_TENSOR(a->index_copy_(d, *i, *src)) }
GT_EXPORT T gt_masked_fill(T a, T mask, GtScalar v) { GT_TENSOR(a->masked_fill(*mask, scalar_of(v))) }
GT_EXPORT T gt_masked_fill_(T a, T mask, GtScalar v) { GT_TENSOR(a->masked_fill_(*mask, scalar_of(v))) }
GT_EXPORT T gt_masked_select(T a, T mask) { GT_TENSOR(a->masked_select(*mask)) }
GT_EXPORT T gt_where(T condition, T x, T y) { GT_TENSOR(at::where(*condition, *x, *y)) }

namespace {
Optional<at::ScalarType> type_of(int32_t dtype) {
    Optional<at::ScalarType> type;
    if (dtype >= 0) type = static_cast<at::ScalarType>(dtype);
    return type;
}
}  // namespace

GT_EXPORT T gt_sum(T a, const int64_t* d, int64_t n, int32_t all, int32_t keep, int32_t dtype) {
    GT_TENSOR(all ? a->sum(type_of(dtype)) : a->sum(ints(d, n), keep != 0, type_of(dtype)))
}
GT_EXPORT T gt_mean(T a, const int64_t* d, int64_t n, int32_t all, int32_t keep, int32_t dtype) {
    GT_TENSOR(all ? a->mean(type_of(dtype)) : a->mean(ints(d, n), keep != 0, type_of(dtype)))
}
GT_EXPORT T gt_norm(T a, double p) { GT_TENSOR(a->norm(p)) }
GT_EXPORT T gt_argmax(T a, int32_t has_dim, int64_t d, int32_t keep) {
    GT_GUARD(nullptr,
        Optional<int64_t> dim;
        if (has_dim) dim = d;
        return own(a->argmax(dim, keep != 0));)
}
GT_EXPORT T gt_logsumexp(T a, int64_t d, int32_t keep) { GT_TENSOR(a->logsumexp(at::IntArrayRef(d), keep != 0)) }
GT_EXPORT T gt_cumsum(T a, int64_t d, int32_t dtype) { GT_TENSOR(a->cumsum(d, type_of(dtype))) }
GT_EXPORT T gt_multinomial(T a, int64_t n, int32_t replacement) { GT_TENSOR(a->multinomial(n, replacement != 0)) }

#define GT_PAIR(...)                                 \
    GT_DO(auto pair = __VA_ARGS__;                   \
          auto first = own(std::get<0>(pair));       \
          *indices = own(std::get<1>(pair));         \
          *values = first)

GT_EXPORT int32_t gt_max_dim(T a, int64_t d, int32_t keep, T* values, T* indices) { GT_PAIR(a->max(d, keep != 0)) }
GT_EXPORT int32_t gt_sort(T a, int64_t d, int32_t descending, int32_t stable, T* values, T* indices) {
    GT_PAIR(a->sort(Optional<bool>(stable != 0), d, descending != 0))
}
GT_EXPORT int32_t gt_topk(T a, int64_t k, int64_t d, int32_t largest, int32_t sorted, T* values, T* indices) {
    GT_PAIR(a->topk(k, d, largest != 0, sorted != 0))
}

namespace {
Optional<at::Tensor> maybe(T t) {
    Optional<at::Tensor> r;
    if (t != nullptr) r = *t;
    return r;
}
}  // namespace

GT_EXPORT T gt_linear(T x, T w, T b) { GT_TENSOR(at::linear(*x, *w, maybe(b))) }
GT_EXPORT T gt_softmax(T a, int64_t d, int32_t dtype) { GT_TENSOR(at::softmax(*a, d, type_of(dtype))) }
GT_EXPORT T gt_log_softmax(T a, int64_t d, int32_t dtype) { GT_TENSOR(at::log_softmax(*a, d, type_of(dtype))) }
GT_EXPORT T gt_layer_norm(T a, const int64_t* s, int64_t n, T w, T b, double eps) {
    GT_TENSOR(at::layer_norm(*a, ints(s, n), maybe(w), maybe(b), eps))
}
GT_EXPORT T gt_cross_entropy(T a, T target, T w, int64_t reduction, int64_t ignore, double smoothing) {
    GT_TENSOR(at::cross_entropy_loss(*a, *target, maybe(w), reduction, ignore, smoothing))
}
