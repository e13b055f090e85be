//! The operators of the arithmetic units over slices of fp32 or of 32-bit patterns.

use crate::memory::BLOCK;
use crate::op::AluOp;
use crate::wide::wide;

impl AluOp {
    /// All, in the order of their definition.
    pub const ALL: [AluOp; 36] = [
        AluOp::Bypass,
        AluOp::Add,
        AluOp::Subtract,
        AluOp::Multiply,
        AluOp::Divide,
        AluOp::Max,
        AluOp::Min,
        AluOp::Power,
        AluOp::AbsMax,
        AluOp::AbsMin,
        AluOp::Mod,
        AluOp::Equal,
        AluOp::NotEqual,
        AluOp::GreaterEqual,
        AluOp::Greater,
        AluOp::LessEqual,
        AluOp::Less,
        AluOp::LogicalAnd,
        AluOp::LogicalOr,
        AluOp::LogicalXor,
        AluOp::BitwiseAnd,
        AluOp::BitwiseOr,
        AluOp::BitwiseXor,
        AluOp::LeftShift,
        AluOp::RightShift,
        AluOp::ArithmeticRightShift,
        AluOp::BitwiseNot,
        AluOp::LogicalNot,
        AluOp::Abs,
        AluOp::Square,
        AluOp::Relu,
        AluOp::Rsqrt,
        AluOp::Reciprocal,
        AluOp::Sqrt,
        AluOp::Negative,
        AluOp::Average,
    ];

    /// Takes one input; the operand is ignored.
    pub const fn is_unary(self) -> bool {
        matches!(
            self,
            AluOp::BitwiseNot
                | AluOp::LogicalNot
                | AluOp::Abs
                | AluOp::Square
                | AluOp::Relu
                | AluOp::Rsqrt
                | AluOp::Reciprocal
                | AluOp::Sqrt
                | AluOp::Negative
        )
    }

    /// Works on bits, without any conversion.
    pub const fn is_bitvec(self) -> bool {
        matches!(
            self,
            AluOp::BitwiseAnd
                | AluOp::BitwiseOr
                | AluOp::BitwiseXor
                | AluOp::BitwiseNot
                | AluOp::LeftShift
                | AluOp::RightShift
                | AluOp::ArithmeticRightShift
        )
    }

    pub const fn is_compare(self) -> bool {
        matches!(self, AluOp::Equal | AluOp::NotEqual | AluOp::GreaterEqual | AluOp::Greater | AluOp::LessEqual | AluOp::Less)
    }

    /// May reduce along the free dimensions.
    pub const fn reduces(self) -> bool {
        matches!(
            self,
            AluOp::Add
                | AluOp::Subtract
                | AluOp::Multiply
                | AluOp::Max
                | AluOp::Min
                | AluOp::LogicalAnd
                | AluOp::LogicalOr
                | AluOp::LogicalXor
                | AluOp::BitwiseAnd
                | AluOp::BitwiseOr
                | AluOp::BitwiseXor
                | AluOp::AbsMax
                | AluOp::AbsMin
        )
    }

    /// What a reduction starts from.
    pub const fn identity(self) -> f32 {
        match self {
            AluOp::Multiply | AluOp::LogicalAnd => 1.0,
            AluOp::Max => f32::NEG_INFINITY,
            AluOp::Min | AluOp::AbsMin => f32::INFINITY,
            _ => 0.0,
        }
    }

    /// Name in `nki.language`.
    pub const fn name(self) -> &'static str {
        match self {
            AluOp::Bypass => "bypass",
            AluOp::Add => "add",
            AluOp::Subtract => "subtract",
            AluOp::Multiply => "multiply",
            AluOp::Divide => "divide",
            AluOp::Max => "maximum",
            AluOp::Min => "minimum",
            AluOp::Power => "power",
            AluOp::AbsMax => "abs_max",
            AluOp::AbsMin => "abs_min",
            AluOp::Mod => "mod",
            AluOp::Equal => "equal",
            AluOp::NotEqual => "not_equal",
            AluOp::GreaterEqual => "greater_equal",
            AluOp::Greater => "greater",
            AluOp::LessEqual => "less_equal",
            AluOp::Less => "less",
            AluOp::LogicalAnd => "logical_and",
            AluOp::LogicalOr => "logical_or",
            AluOp::LogicalXor => "logical_xor",
            AluOp::BitwiseAnd => "bitwise_and",
            AluOp::BitwiseOr => "bitwise_or",
            AluOp::BitwiseXor => "bitwise_xor",
            AluOp::LeftShift => "left_shift",
            AluOp::RightShift => "right_shift",
            AluOp::ArithmeticRightShift => "arithmetic_right_shift",
            AluOp::BitwiseNot => "invert",
            AluOp::LogicalNot => "logical_not",
            AluOp::Abs => "abs",
            AluOp::Square => "square",
            AluOp::Relu => "relu",
            AluOp::Rsqrt => "rsqrt",
            AluOp::Reciprocal => "reciprocal",
            AluOp::Sqrt => "sqrt",
            AluOp::Negative => "negative",
            AluOp::Average => "mean",
        }
    }

    /// By its name in `nki.language`.
    pub fn parse(name: &str) -> Option<AluOp> {
        AluOp::ALL.into_iter().find(|op| op.name() == name)
    }
}

/// The larger, NaN if either is.
#[inline(always)]
pub(crate) fn max(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The smaller, NaN if either is.
#[inline(always)]
pub(crate) fn min(a: f32, b: f32) -> f32 {
    if a < b || a.is_nan() { a } else { b }
}

#[inline(always)]
fn truth(x: bool) -> f32 {
    f32::from(u8::from(x))
}

#[inline(always)]
fn floor_mod(a: f32, b: f32) -> f32 {
    // Result has the sign of the divisor.
    let r = libm::fmodf(a, b);
    if r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }
}

/// One result in fp32. Bitwise operators work on the integer values.
#[inline(always)]
pub(crate) fn apply(op: AluOp, a: f32, b: f32) -> f32 {
    match op {
        AluOp::Bypass | AluOp::Average => a,
        AluOp::Add => a + b,
        AluOp::Subtract => a - b,
        AluOp::Multiply => a * b,
        AluOp::Divide => a / b,
        AluOp::Max => max(a, b),
        AluOp::Min => min(a, b),
        AluOp::Power => libm::powf(a, b),
        AluOp::AbsMax => max(a.abs(), b.abs()),
        AluOp::AbsMin => min(a.abs(), b.abs()),
        AluOp::Mod => floor_mod(a, b),
        AluOp::Equal => truth(a == b),
        AluOp::NotEqual => truth(a != b),
        AluOp::GreaterEqual => truth(a >= b),
        AluOp::Greater => truth(a > b),
        AluOp::LessEqual => truth(a <= b),
        AluOp::Less => truth(a < b),
        AluOp::LogicalAnd => truth(a != 0.0 && b != 0.0),
        AluOp::LogicalOr => truth(a != 0.0 || b != 0.0),
        AluOp::LogicalXor => truth((a != 0.0) != (b != 0.0)),
        AluOp::BitwiseAnd
        | AluOp::BitwiseOr
        | AluOp::BitwiseXor
        | AluOp::BitwiseNot
        | AluOp::LeftShift
        | AluOp::RightShift
        | AluOp::ArithmeticRightShift => bits(op, a as i32 as u32, b as i32 as u32) as i32 as f32,
        AluOp::LogicalNot => truth(a == 0.0),
        AluOp::Abs => a.abs(),
        AluOp::Square => a * a,
        AluOp::Relu => max(a, 0.0),
        AluOp::Rsqrt => (1.0 / f64::from(a).sqrt()) as f32,
        AluOp::Reciprocal => 1.0 / a,
        AluOp::Sqrt => a.sqrt(),
        AluOp::Negative => -a,
    }
}

/// One result on bits; shifts by 32 or more give zero (or the sign).
#[inline(always)]
pub(crate) fn bits(op: AluOp, a: u32, b: u32) -> u32 {
    match op {
        AluOp::BitwiseAnd => a & b,
        AluOp::BitwiseOr => a | b,
        AluOp::BitwiseXor => a ^ b,
        AluOp::BitwiseNot => !a,
        AluOp::LeftShift => a.checked_shl(b).unwrap_or(0),
        AluOp::RightShift => a.checked_shr(b).unwrap_or(0),
        AluOp::ArithmeticRightShift => ((a as i32) >> b.min(31)) as u32,
        _ => a,
    }
}

/// One result in 32-bit integer arithmetic, wrapping; comparisons and logic give 1 or 0.
#[inline(always)]
pub(crate) fn integer(op: AluOp, a: u32, b: u32, signed: bool) -> u32 {
    let (x, y) = (a as i32, b as i32);
    let less = if signed { x < y } else { a < b };
    match op {
        AluOp::Add => a.wrapping_add(b),
        AluOp::Subtract => a.wrapping_sub(b),
        AluOp::Multiply => a.wrapping_mul(b),
        AluOp::Max => {
            if less {
                b
            } else {
                a
            }
        }
        AluOp::Min => {
            if less {
                a
            } else {
                b
            }
        }
        AluOp::Equal => u32::from(a == b),
        AluOp::NotEqual => u32::from(a != b),
        AluOp::GreaterEqual => u32::from(!less),
        AluOp::Greater => u32::from(!less && a != b),
        AluOp::LessEqual => u32::from(less || a == b),
        AluOp::Less => u32::from(less),
        AluOp::LogicalAnd => u32::from(a != 0 && b != 0),
        AluOp::LogicalOr => u32::from(a != 0 || b != 0),
        AluOp::LogicalXor => u32::from((a != 0) != (b != 0)),
        AluOp::LogicalNot => u32::from(a == 0),
        AluOp::Divide if signed => {
            if y == 0 {
                0
            } else {
                x.wrapping_div(y) as u32
            }
        }
        AluOp::Divide => a.checked_div(b).unwrap_or(0),
        AluOp::Mod if signed => {
            if y == 0 {
                0
            } else {
                x.wrapping_rem_euclid(y) as u32
            }
        }
        AluOp::Mod => a.checked_rem(b).unwrap_or(0),
        AluOp::AbsMax if signed => x.unsigned_abs().max(y.unsigned_abs()),
        AluOp::AbsMin if signed => x.unsigned_abs().min(y.unsigned_abs()),
        AluOp::AbsMax => a.max(b),
        AluOp::AbsMin => a.min(b),
        AluOp::Abs if signed => x.unsigned_abs(),
        AluOp::Square => a.wrapping_mul(a),
        AluOp::Relu if signed => x.max(0) as u32,
        AluOp::Negative => a.wrapping_neg(),
        AluOp::Power => a.wrapping_pow(b),
        _ => bits(op, a, b),
    }
}

#[inline(always)]
fn each(a: &mut [f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    for (x, y) in a.iter_mut().zip(b) {
        *x = f(*x, *y);
    }
}

/// `a = op a` for an operator of one input.
pub(crate) fn unary(op: AluOp, a: &mut [f32]) {
    #[inline(always)]
    fn own(a: &mut [f32], f: impl Fn(f32) -> f32) {
        a.iter_mut().for_each(|x| *x = f(*x));
    }
    match op {
        AluOp::Square => wide!(own(a, |x| x * x)),
        AluOp::Relu => wide!(own(a, |x| max(x, 0.0))),
        AluOp::Abs => wide!(own(a, f32::abs)),
        AluOp::Reciprocal => wide!(own(a, |x| 1.0 / x)),
        AluOp::Sqrt => wide!(own(a, f32::sqrt)),
        AluOp::Rsqrt => wide!(own(a, |x| apply(AluOp::Rsqrt, x, 0.0))),
        _ => own(a, |x| apply(op, x, 0.0)),
    }
}

/// `a = a op b`, or `b op a` when `reverse`; `b` is ignored by an operator of one input.
pub(crate) fn binary(op: AluOp, a: &mut [f32], b: &[f32], reverse: bool) {
    if op.is_unary() {
        return unary(op, a);
    }
    macro_rules! vector {
        ($op:path) => {
            if reverse && !op.is_unary() { wide!(each(a, b, |x, y| apply($op, y, x))) } else { wide!(each(a, b, |x, y| apply($op, x, y))) }
        };
    }
    match op {
        AluOp::Bypass => {
            if reverse {
                a.copy_from_slice(b);
            }
        }
        AluOp::Add => wide!(each(a, b, |x, y| x + y)),
        AluOp::Multiply => wide!(each(a, b, |x, y| x * y)),
        AluOp::Subtract => vector!(AluOp::Subtract),
        AluOp::Divide => vector!(AluOp::Divide),
        AluOp::Max => vector!(AluOp::Max),
        AluOp::Min => vector!(AluOp::Min),
        AluOp::GreaterEqual => vector!(AluOp::GreaterEqual),
        AluOp::Greater => vector!(AluOp::Greater),
        AluOp::LessEqual => vector!(AluOp::LessEqual),
        AluOp::Less => vector!(AluOp::Less),
        AluOp::Equal => vector!(AluOp::Equal),
        AluOp::NotEqual => vector!(AluOp::NotEqual),
        AluOp::AbsMax => vector!(AluOp::AbsMax),
        _ if reverse => each(a, b, |x, y| apply(op, y, x)),
        _ => each(a, b, |x, y| apply(op, x, y)),
    }
}

/// `a = a op b` (`b op a` when `reverse`) with one number `b` for all elements.
fn scalar(op: AluOp, a: &mut [f32], b: f32, reverse: bool) {
    #[inline(always)]
    fn own(a: &mut [f32], f: impl Fn(f32) -> f32) {
        a.iter_mut().for_each(|x| *x = f(*x));
    }
    macro_rules! vector {
        ($op:path) => {
            if reverse { wide!(own(a, |x| apply($op, b, x))) } else { wide!(own(a, |x| apply($op, x, b))) }
        };
    }
    match op {
        _ if op.is_unary() => unary(op, a),
        AluOp::Bypass if reverse => a.fill(b),
        AluOp::Bypass => {}
        AluOp::Add => wide!(own(a, |x| x + b)),
        AluOp::Multiply => wide!(own(a, |x| x * b)),
        AluOp::Subtract => vector!(AluOp::Subtract),
        AluOp::Divide => vector!(AluOp::Divide),
        AluOp::Max => vector!(AluOp::Max),
        AluOp::Min => vector!(AluOp::Min),
        AluOp::GreaterEqual => vector!(AluOp::GreaterEqual),
        AluOp::Greater => vector!(AluOp::Greater),
        AluOp::LessEqual => vector!(AluOp::LessEqual),
        AluOp::Less => vector!(AluOp::Less),
        AluOp::Equal => vector!(AluOp::Equal),
        AluOp::NotEqual => vector!(AluOp::NotEqual),
        _ if reverse => own(a, |x| apply(op, b, x)),
        _ => own(a, |x| apply(op, x, b)),
    }
}

/// Rows shorter than this get their numbers written out.
const SHORT: usize = 16;

/// `a = a op b` (`b op a` when `reverse`) with one number `b` for all elements, or one for each row of `free`. `a` starts at
/// element `first`: it holds whole rows, or a part of one, and at most a block.
pub(crate) fn by_rows(op: AluOp, a: &mut [f32], free: usize, first: usize, b: &[f32], reverse: bool) {
    let Some(numbers) = b.get(first / free..).filter(|_| b.len() > 1) else {
        return scalar(op, a, b.first().copied().unwrap_or(0.0), reverse);
    };
    if free == 1 {
        binary(op, a, &numbers[..a.len()], reverse);
    } else if free >= SHORT {
        a.chunks_mut(free).zip(numbers).for_each(|(row, v)| scalar(op, row, *v, reverse));
    } else {
        let mut spread = [0.0; BLOCK];
        spread[..a.len()].chunks_mut(free).zip(numbers).for_each(|(row, v)| row.fill(*v));
        binary(op, a, &spread[..a.len()], reverse);
    }
}

/// Partial results kept side by side in a reduction, so that the order is the same for any vector width.
const LANES: usize = 16;

/// Joins the first N partial results with the next N; a fixed N lets the compiler keep them in vectors.
#[inline(always)]
fn fold<const N: usize>(acc: &mut [f32; LANES], f: &impl Fn(f32, f32) -> f32) {
    let joined: [f32; N] = std::array::from_fn(|i| f(acc[i], acc[i + N]));
    acc[..N].copy_from_slice(&joined);
}

#[inline(always)]
pub(crate) fn lanes<T: Copy>(x: &[T], start: f32, get: impl Fn(T) -> f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut acc = [start; LANES];
    let (whole, rest) = x.as_chunks::<LANES>();
    for chunk in whole {
        for (a, v) in acc.iter_mut().zip(chunk) {
            *a = f(*a, get(*v));
        }
    }
    for (a, v) in acc.iter_mut().zip(rest) {
        *a = f(*a, get(*v));
    }
    fold::<8>(&mut acc, &f);
    fold::<4>(&mut acc, &f);
    fold::<2>(&mut acc, &f);
    fold::<1>(&mut acc, &f);
    acc[0]
}

/// Reduces a slice, in sixteen interleaved partial results that are joined pairwise.
pub(crate) fn reduce(op: AluOp, x: &[f32]) -> f32 {
    let own = |v| v;
    match op {
        AluOp::Add | AluOp::Average => wide!(lanes(x, 0.0, own, |a, b| a + b)),
        AluOp::Max => wide!(lanes(x, f32::NEG_INFINITY, own, max)),
        AluOp::Min => wide!(lanes(x, f32::INFINITY, own, min)),
        AluOp::Multiply => wide!(lanes(x, 1.0, own, |a, b| a * b)),
        AluOp::Subtract => match x {
            [] => 0.0,
            [first, rest @ ..] => first - lanes(rest, 0.0, own, |a, b| a + b),
        },
        _ => lanes(x, op.identity(), own, |a, b| apply(op, a, b)),
    }
}

/// Joins two partial reductions.
pub(crate) fn join(op: AluOp, a: f32, b: f32) -> f32 {
    match op {
        // What follows the first block of a running difference is a sum to subtract; see [`reduce`].
        AluOp::Average => a + b,
        _ => apply(op, a, b),
    }
}
