"""Which Python object names which operator of the engines."""

import numpy as np

from secondsource import _native

_alu_names, _act_names = _native.operator_names()
_ALU = {name: number for number, name in enumerate(_alu_names)}
_ACT = {name: number for number, name in enumerate(_act_names)}

# name in nki.language -> arithmetic operator
ARITHMETIC = {
    "bypass": "Bypass",
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "divide": "Divide",
    "maximum": "Max",
    "max": "Max",
    "minimum": "Min",
    "min": "Min",
    "power": "Power",
    "abs_max": "AbsMax",
    "abs_min": "AbsMin",
    "mod": "Mod",
    "fmod": "Mod",
    "equal": "Equal",
    "not_equal": "NotEqual",
    "greater_equal": "GreaterEqual",
    "greater": "Greater",
    "less_equal": "LessEqual",
    "less": "Less",
    "logical_and": "LogicalAnd",
    "all": "LogicalAnd",
    "logical_or": "LogicalOr",
    "any": "LogicalOr",
    "logical_xor": "LogicalXor",
    "logical_not": "LogicalNot",
    "bitwise_and": "BitwiseAnd",
    "bitwise_or": "BitwiseOr",
    "bitwise_xor": "BitwiseXor",
    "left_shift": "LeftShift",
    "right_shift": "RightShift",
    "arithmetic_right_shift": "ArithmeticRightShift",
    "invert": "BitwiseNot",
    "abs": "Abs",
    "square": "Square",
    "relu": "Relu",
    "rsqrt": "Rsqrt",
    "reciprocal": "Reciprocal",
    "sqrt": "Sqrt",
    "negative": "Negative",
    "average": "Average",
    "mean": "Average",
    "sum": "Add",
    "prod": "Multiply",
    "copy": "Bypass",
}

# name in nki.language -> activation function
FUNCTIONS = {
    "copy": "Copy",
    "square": "Square",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "prelu": "Prelu",
    "gelu": "Gelu",
    "gelu_dx": "GeluDx",
    "gelu_apprx_tanh": "GeluTanh",
    "gelu_apprx_sigmoid": "GeluSigmoid",
    "gelu_apprx_sigmoid_dx": "GeluSigmoidDx",
    "silu": "Silu",
    "silu_dx": "SiluDx",
    "tanh": "Tanh",
    "tanh_dx": "TanhDx",
    "softplus": "Softplus",
    "mish": "Mish",
    "erf": "Erf",
    "erf_dx": "ErfDx",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "arctan": "Arctan",
    "sqrt": "Sqrt",
    "rsqrt": "Rsqrt",
    "reciprocal": "Reciprocal",
    "sign": "Sign",
    "abs": "Abs",
}

# numpy functions that Beta 1 kernels pass as operators
_NUMPY = {
    "add": "add",
    "subtract": "subtract",
    "multiply": "multiply",
    "divide": "divide",
    "true_divide": "divide",
    "maximum": "maximum",
    "minimum": "minimum",
    "max": "maximum",
    "min": "minimum",
    "amax": "maximum",
    "amin": "minimum",
    "sum": "add",
    "prod": "multiply",
    "mean": "average",
    "average": "average",
    "power": "power",
    "mod": "mod",
    "fmod": "fmod",
    "equal": "equal",
    "not_equal": "not_equal",
    "greater_equal": "greater_equal",
    "greater": "greater",
    "less_equal": "less_equal",
    "less": "less",
    "logical_and": "logical_and",
    "all": "logical_and",
    "logical_or": "logical_or",
    "any": "logical_or",
    "logical_xor": "logical_xor",
    "logical_not": "logical_not",
    "bitwise_and": "bitwise_and",
    "bitwise_or": "bitwise_or",
    "bitwise_xor": "bitwise_xor",
    "left_shift": "left_shift",
    "right_shift": "right_shift",
    "invert": "invert",
    "bitwise_not": "invert",
    "abs": "abs",
    "absolute": "abs",
    "square": "square",
    "sqrt": "sqrt",
    "reciprocal": "reciprocal",
    "negative": "negative",
    "exp": "exp",
    "log": "log",
    "sin": "sin",
    "arctan": "arctan",
    "tanh": "tanh",
    "sign": "sign",
    "copy": "copy",
}

alu_table = {}
act_table = {}
names_table = {}


def register(name, thing):
    """Makes `thing` a name of the operator that `nl.<name>` stands for."""
    if name in ARITHMETIC:
        alu_table[thing] = _ALU[ARITHMETIC[name]]
    if name in FUNCTIONS:
        act_table[thing] = _ACT[FUNCTIONS[name]]


for _name, _ours in _NUMPY.items():
    _function = getattr(np, _name, None)
    if _function is not None:
        register(_ours, _function)
# Strings name operators too.
for _name in {**ARITHMETIC, **FUNCTIONS}:
    register(_name, _name)

_native.register_operators(alu_table, act_table, names_table)
