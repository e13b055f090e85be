//! Share of good dies. Areas in mm2, defects per cm2.

/// Defects expected on an area: mm2 x defects per cm2.
pub fn expected(area_mm2: f64, d0: f64) -> f64 {
    area_mm2 / 100.0 * d0
}

/// exp(-x), x the expected defects: defects fall independently.
pub fn poisson(x: f64) -> f64 {
    libm::exp(-x)
}

/// ((1 - exp(-x)) / x)^2: defect density triangular over wafers (Murphy).
pub fn murphy(x: f64) -> f64 {
    if x < 1e-9 {
        return 1.0 - x;
    }
    let y = -libm::expm1(-x) / x;
    y * y
}

/// 1 / (1 + x): defect density exponential over wafers (Seeds).
pub fn seeds(x: f64) -> f64 {
    1.0 / (1.0 + x)
}

/// (1 + x / alpha)^-alpha: defect density gamma over wafers. Poisson as alpha grows, Seeds at 1.
pub fn negative_binomial(x: f64, alpha: f64) -> f64 {
    libm::exp(-alpha * libm::log1p(x / alpha))
}

/// A die with repeated cores of which some may be bad.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Harvest {
    /// mm2 of the whole die.
    pub area: f64,
    /// Share of it that is cores.
    pub cores_share: f64,
    /// Cores on the die, and how many must work for it to be sold.
    pub cores: u32,
    pub needed: u32,
}

impl Harvest {
    /// A die that is sold only without a defect.
    pub const fn none(area: f64) -> Harvest {
        Harvest { area, cores_share: 0.0, cores: 0, needed: 0 }
    }

    /// exp(-D0 A_fixed) x P[Binomial(n, exp(-D0 a)) >= k]: all of the fixed part works, and enough of the cores do.
    pub fn share_good(&self, d0: f64) -> f64 {
        let fixed = poisson(expected(self.area * (1.0 - self.cores_share), d0));
        if self.cores == 0 {
            return fixed;
        }
        let core = poisson(expected(self.area * self.cores_share / f64::from(self.cores), d0));
        fixed * at_least(self.cores, self.needed, core)
    }
}

/// P[Binomial(n, p) >= k], summed from the largest count down: all terms positive.
pub fn at_least(n: u32, k: u32, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let odds = (1.0 - p) / p;
    let mut term = libm::exp(f64::from(n) * libm::log(p));
    let mut sum = term;
    for bad in 1..=n - k {
        term *= odds * f64::from(n - bad + 1) / f64::from(bad);
        sum += term;
    }
    sum.min(1.0)
}
