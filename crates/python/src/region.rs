//! Memories by their names in `nki.language`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Memory region of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    Sbuf,
    Psum,
    Hbm,
    SharedHbm,
}

/// `nl.sbuf`, `nl.psum`, `nl.private_hbm`, `nl.shared_hbm`; `nl.hbm` equals both kinds of device memory.
#[pyclass(frozen, module = "nki.language", name = "MemoryRegion")]
pub struct MemoryRegion {
    #[pyo3(get)]
    pub name: &'static str,
}

#[pymethods]
impl MemoryRegion {
    #[classattr]
    fn sbuf() -> MemoryRegion {
        MemoryRegion { name: "sbuf" }
    }
    #[classattr]
    fn psum() -> MemoryRegion {
        MemoryRegion { name: "psum" }
    }
    #[classattr]
    fn hbm() -> MemoryRegion {
        MemoryRegion { name: "hbm" }
    }
    #[classattr]
    fn private_hbm() -> MemoryRegion {
        MemoryRegion { name: "private_hbm" }
    }
    #[classattr]
    fn shared_hbm() -> MemoryRegion {
        MemoryRegion { name: "shared_hbm" }
    }
    #[getter]
    fn value(&self) -> &'static str {
        self.name
    }
    fn __repr__(&self) -> String {
        format!("nl.{}", self.name)
    }
    fn __str__(&self) -> &'static str {
        self.name
    }
    fn __hash__(&self) -> isize {
        if self.name.ends_with("hbm") { 3 } else { self.name.len() as isize + isize::from(self.name == "sbuf") }
    }
    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let any_hbm = |a: &str, b: &str| a == "hbm" && b.ends_with("hbm");
        let same = |other: &str| self.name == other || any_hbm(self.name, other) || any_hbm(other, self.name);
        match other.cast::<MemoryRegion>() {
            Ok(region) => same(region.get().name),
            Err(_) => same(&other.extract::<String>().unwrap_or_default()),
        }
    }
    fn __ne__(&self, other: &Bound<'_, PyAny>) -> bool {
        !self.__eq__(other)
    }
}

pub fn region(any: Option<&Bound<'_, PyAny>>) -> PyResult<Region> {
    let Some(any) = any.filter(|a| !a.is_none()) else {
        return Ok(Region::Sbuf);
    };
    let text: String;
    let name = match any.cast::<MemoryRegion>() {
        Ok(r) => r.get().name,
        Err(_) => {
            text = any.getattr("name").map_or_else(|_| any.extract(), |name| name.extract())?;
            &text
        }
    };
    Ok(match name {
        "sbuf" => Region::Sbuf,
        "psum" => Region::Psum,
        "hbm" | "private_hbm" => Region::Hbm,
        "shared_hbm" => Region::SharedHbm,
        other => return Err(PyValueError::new_err(format!("`{other}` is no memory: sbuf, psum, private_hbm or shared_hbm"))),
    })
}
