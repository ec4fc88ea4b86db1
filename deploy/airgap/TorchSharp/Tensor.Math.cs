namespace TorchSharp;

public static partial class torch
{
    public sealed partial class Tensor
    {
        public Tensor neg() => Own(Native.gt_neg(Handle));

        public Tensor exp() => Own(Native.gt_exp(Handle));

        public Tensor log() => Own(Native.gt_log(Handle));

        public Tensor sqrt() => Own(Native.gt_sqrt(Handle));

        public Tensor rsqrt() => Own(Native.gt_rsqrt(Handle));

        public Tensor sin() => Own(Native.gt_sin(Handle));

        public Tensor cos() => Own(Native.gt_cos(Handle));

        public Tensor tanh() => Own(Native.gt_tanh(Handle));

        public Tensor erf() => Own(Native.gt_erf(Handle));

        public Tensor sigmoid() => Own(Native.gt_sigmoid(Handle));

        public Tensor silu() => Own(Native.gt_silu(Handle));

        public Tensor relu() => Own(Native.gt_relu(Handle));

        public Tensor gelu() => Own(Native.gt_gelu(Handle));

        public Tensor abs() => Own(Native.gt_abs(Handle));

        public Tensor square() => Own(Native.gt_square(Handle));

        public Tensor reciprocal() => Own(Native.gt_reciprocal(Handle));

        public Tensor isfinite() => Own(Native.gt_isfinite(Handle));

        public Tensor isnan() => Own(Native.gt_isnan(Handle));

        public Tensor logical_not() => Own(Native.gt_logical_not(Handle));

        public Tensor sqrt_() => Own(Native.gt_sqrt_(Handle));

        public Tensor maximum(Tensor other) => Own(Native.gt_maximum(Handle, other.Handle), other);

        public Tensor minimum(Tensor other) => Own(Native.gt_minimum(Handle, other.Handle), other);

        public Tensor logical_and(Tensor other) => Own(Native.gt_logical_and(Handle, other.Handle), other);

        public Tensor logical_or(Tensor other) => Own(Native.gt_logical_or(Handle, other.Handle), other);

        public Tensor eq(Tensor target) => Own(Native.gt_eq(Handle, target.Handle), target);

        public Tensor eq(Scalar target) => Own(Native.gt_eq_scalar(Handle, target.Value));

        public Tensor ne(Tensor target) => Own(Native.gt_ne(Handle, target.Handle), target);

        public Tensor ne(Scalar target) => Own(Native.gt_ne_scalar(Handle, target.Value));

        public Tensor lt(Tensor target) => Own(Native.gt_lt(Handle, target.Handle), target);

        public Tensor lt(Scalar target) => Own(Native.gt_lt_scalar(Handle, target.Value));

        public Tensor le(Tensor target) => Own(Native.gt_le(Handle, target.Handle), target);

        public Tensor le(Scalar target) => Own(Native.gt_le_scalar(Handle, target.Value));

        public Tensor gt(Tensor target) => Own(Native.gt_gt(Handle, target.Handle), target);

        public Tensor gt(Scalar target) => Own(Native.gt_gt_scalar(Handle, target.Value));

        public Tensor ge(Tensor target) => Own(Native.gt_ge(Handle, target.Handle), target);

        public Tensor ge(Scalar target) => Own(Native.gt_ge_scalar(Handle, target.Value));

        public Tensor pow(Tensor target) => Own(Native.gt_pow(Handle, target.Handle), target);

        public Tensor pow(Scalar target) => Own(Native.gt_pow_scalar(Handle, target.Value));

        public Tensor remainder(Tensor target) => Own(Native.gt_remainder(Handle, target.Handle), target);

        public Tensor remainder(Scalar target) => Own(Native.gt_remainder_scalar(Handle, target.Value));

        public Tensor add(Tensor target) => add(target, 1L);

        public Tensor add(Tensor target, Scalar alpha) => Own(Native.gt_add(Handle, target.Handle, alpha.Value), target);

        public Tensor add(Scalar scalar) => Own(Native.gt_add_scalar(Handle, scalar.Value));

        public Tensor add_(Tensor target) => add_(target, 1L);

        public Tensor add_(Tensor target, Scalar alpha) => Own(Native.gt_add_(Handle, target.Handle, alpha.Value), target);

        public Tensor add_(Scalar scalar) => Own(Native.gt_add_scalar_(Handle, scalar.Value));

        public Tensor sub(Tensor target) => Own(Native.gt_sub(Handle, target.Handle), target);

        public Tensor sub(Scalar target) => Own(Native.gt_sub_scalar(Handle, target.Value));

        public Tensor sub_(Tensor target) => Own(Native.gt_sub_(Handle, target.Handle), target);

        public Tensor sub_(Scalar target) => Own(Native.gt_sub_scalar_(Handle, target.Value));

        public Tensor mul(Tensor target) => Own(Native.gt_mul(Handle, target.Handle), target);

        public Tensor mul(Scalar target) => Own(Native.gt_mul_scalar(Handle, target.Value));

        public Tensor mul_(Tensor target) => Own(Native.gt_mul_(Handle, target.Handle), target);

        public Tensor mul_(Scalar target) => Own(Native.gt_mul_scalar_(Handle, target.Value));

        public Tensor div(Tensor target) => Own(Native.gt_div(Handle, target.Handle), target);

        public Tensor div(Scalar target) => Own(Native.gt_div_scalar(Handle, target.Value));

        public Tensor div_(Tensor target) => Own(Native.gt_div_(Handle, target.Handle), target);

        public Tensor div_(Scalar target) => Own(Native.gt_div_scalar_(Handle, target.Value));

        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Own(Native.gt_addcmul_(Handle, tensor1.Handle, tensor2.Handle, value.Value), tensor1, tensor2);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) =>
            Own(Native.gt_addcdiv_(Handle, tensor1.Handle, tensor2.Handle, value.Value), tensor1, tensor2);

        public Tensor zero_() => Own(Native.gt_zero_(Handle));

        public Tensor fill_(Scalar value) => Own(Native.gt_fill_(Handle, value.Value));

        public Tensor clamp(Scalar? min = null, Scalar? max = null) =>
            Own(Native.gt_clamp(Handle, min is null ? 0 : 1, min?.Value ?? default, max is null ? 0 : 1, max?.Value ?? default));

        public Tensor matmul(Tensor target) => Own(Native.gt_matmul(Handle, target.Handle), target);

        public Tensor mm(Tensor target) => Own(Native.gt_mm(Handle, target.Handle), target);

        public Tensor bmm(Tensor batch2) => Own(Native.gt_bmm(Handle, batch2.Handle), batch2);

        public Tensor outer(Tensor vec2) => Own(Native.gt_outer(Handle, vec2.Handle), vec2);

        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) =>
            Own(Native.gt_addmm(Handle, mat1.Handle, mat2.Handle, beta, alpha), mat1, mat2);

        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) =>
            Own(Native.gt_baddbmm(Handle, batch1.Handle, batch2.Handle, beta, alpha), batch1, batch2);

        public static Tensor operator +(Tensor left, Tensor right) => left.add(right);

        public static Tensor operator +(Tensor left, Scalar right) => left.add(right);

        public static Tensor operator -(Tensor left, Tensor right) => left.sub(right);

        public static Tensor operator -(Tensor left, Scalar right) => left.sub(right);

        public static Tensor operator *(Tensor left, Tensor right) => left.mul(right);

        public static Tensor operator *(Tensor left, Scalar right) => left.mul(right);

        public static Tensor operator /(Tensor left, Tensor right) => left.div(right);

        public static Tensor operator /(Tensor left, Scalar right) => left.div(right);

        public static Tensor operator +(Scalar left, Tensor right) => right.add(left);

        public static Tensor operator *(Scalar left, Tensor right) => right.mul(left);

        public static Tensor operator -(Scalar left, Tensor right) => right.neg().add(left);

        public static Tensor operator /(Scalar left, Tensor right) => right.reciprocal().mul(left);
    }
}
