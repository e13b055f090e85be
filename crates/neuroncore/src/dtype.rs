//! Element types of NKI tensors.

/// An element type. Arithmetic engines read every one of them as fp32 and round once when they write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dtype {
    Fp32,
    /// 1 sign, 8 exponent, 10 mantissa bits, stored in 4 bytes as fp32.
    Tf32,
    Bf16,
    Fp16,
    /// `float8_e4m3` of Trainium: IEEE-like, infinities, largest finite 240.
    Fp8E4,
    /// `float8_e4m3fn` (OCP): no infinities, largest 448.
    Fp8E4Fn,
    /// `float8_e5m2`: infinities, largest finite 57,344.
    Fp8E5,
    /// `float8_e8m0fnu`: a power of two, 0xFF is NaN.
    E8M0,
    /// Four packed `float8_e4m3fn` in 32 bits.
    Fp8E4FnX4,
    /// Four packed `float8_e5m2` in 32 bits.
    Fp8E5X4,
    /// Four packed `float4_e2m1fn` in 16 bits.
    Fp4X4,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    Bool,
}

impl Dtype {
    pub const ALL: [Dtype; 18] = [
        Dtype::Fp32,
        Dtype::Tf32,
        Dtype::Bf16,
        Dtype::Fp16,
        Dtype::Fp8E4,
        Dtype::Fp8E4Fn,
        Dtype::Fp8E5,
        Dtype::E8M0,
        Dtype::Fp8E4FnX4,
        Dtype::Fp8E5X4,
        Dtype::Fp4X4,
        Dtype::I8,
        Dtype::U8,
        Dtype::I16,
        Dtype::U16,
        Dtype::I32,
        Dtype::U32,
        Dtype::Bool,
    ];

    /// Bytes of one stored element (a packed type counts as one element).
    pub const fn size(self) -> usize {
        match self {
            Dtype::Fp32 | Dtype::Tf32 | Dtype::I32 | Dtype::U32 | Dtype::Fp8E4FnX4 | Dtype::Fp8E5X4 => 4,
            Dtype::Bf16 | Dtype::Fp16 | Dtype::I16 | Dtype::U16 | Dtype::Fp4X4 => 2,
            Dtype::Fp8E4 | Dtype::Fp8E4Fn | Dtype::Fp8E5 | Dtype::E8M0 | Dtype::I8 | Dtype::U8 | Dtype::Bool => 1,
        }
    }

    /// Name in `nki.language`.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::Fp32 => "float32",
            Dtype::Tf32 => "tfloat32",
            Dtype::Bf16 => "bfloat16",
            Dtype::Fp16 => "float16",
            Dtype::Fp8E4 => "float8_e4m3",
            Dtype::Fp8E4Fn => "float8_e4m3fn",
            Dtype::Fp8E5 => "float8_e5m2",
            Dtype::E8M0 => "float8_e8m0fnu",
            Dtype::Fp8E4FnX4 => "float8_e4m3fn_x4",
            Dtype::Fp8E5X4 => "float8_e5m2_x4",
            Dtype::Fp4X4 => "float4_e2m1fn_x4",
            Dtype::I8 => "int8",
            Dtype::U8 => "uint8",
            Dtype::I16 => "int16",
            Dtype::U16 => "uint16",
            Dtype::I32 => "int32",
            Dtype::U32 => "uint32",
            Dtype::Bool => "bool_",
        }
    }

    pub fn parse(name: &str) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|d| d.name() == name)
    }

    pub const fn is_integer(self) -> bool {
        matches!(self, Dtype::I8 | Dtype::U8 | Dtype::I16 | Dtype::U16 | Dtype::I32 | Dtype::U32 | Dtype::Bool)
    }

    pub const fn is_packed(self) -> bool {
        matches!(self, Dtype::Fp8E4FnX4 | Dtype::Fp8E5X4 | Dtype::Fp4X4)
    }

    /// A floating-point type whose elements stand alone.
    pub const fn is_float(self) -> bool {
        !self.is_integer() && !self.is_packed()
    }
}
