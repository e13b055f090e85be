"""The run of docs/nki.md: one head of causal flash attention, 512 positions of 64."""

import kernels
import numpy as np

x = np.random.default_rng(0).standard_normal((512, 64), dtype=np.float32)
print(kernels.attention(x, x, x).shape)
