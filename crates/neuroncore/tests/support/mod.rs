//! A small bench to put instructions on: tensors from f32 values, results as f32 values.

use secondsource_catalog::Catalog;
use secondsource_neuroncore::convert::{decode_one, encode_one};
use secondsource_neuroncore::*;

pub struct Lab {
    pub m: Machine,
    line: u32,
}

pub fn generation(version: Gen) -> Generation {
    Generation::read(Catalog::embedded(), version).expect("the embedded tables are complete")
}

impl Lab {
    pub fn new(version: Gen) -> Lab {
        Lab { m: Machine::new(generation(version), 1, 1, 7), line: 0 }
    }

    pub fn with(version: Gen, ranks: u16, lnc: u16) -> Lab {
        Lab { m: Machine::new(generation(version), ranks, lnc, 7), line: 0 }
    }

    pub fn alloc(
        &mut self,
        core: u16,
        place: Place,
        dtype: Dtype,
        rows: u32,
        row: u64,
        address: Option<(u32, u32)>,
    ) -> Result<TensorId, Fault> {
        self.m.alloc(Allocation { core, place, dtype, rows, row_elements: row, address, name: "t".into(), line: SourceLine::default() })
    }

    /// `[rows, row]` on chip on core 0.
    pub fn tile(&mut self, place: Place, dtype: Dtype, rows: u32, row: u64) -> View {
        self.tile_on(0, place, dtype, rows, row)
    }

    pub fn tile_on(&mut self, core: u16, place: Place, dtype: Dtype, rows: u32, row: u64) -> View {
        let t = self.alloc(core, place, dtype, rows, row, None).expect("fits");
        self.m.whole(t).expect("just made")
    }

    /// A tile in SBUF that holds values (rounded to the type), row by row.
    pub fn sbuf(&mut self, dtype: Dtype, rows: u32, values: &[f32]) -> View {
        let v = self.tile(Place::Sbuf, dtype, rows, values.len() as u64 / u64::from(rows));
        self.put(&v, values);
        v
    }

    pub fn hbm(&mut self, dtype: Dtype, values: &[f32]) -> View {
        let t = self.alloc(0, Place::Hbm, dtype, 1, values.len() as u64, None).expect("fits");
        let v = self.m.whole(t).expect("just made");
        self.put(&v, values);
        v
    }

    /// An HBM tensor of so many elements.
    pub fn tile_hbm(&mut self, dtype: Dtype, elements: u64) -> View {
        let t = self.alloc(0, Place::Hbm, dtype, 1, elements, None).expect("fits");
        self.m.whole(t).expect("just made")
    }

    /// Fills a whole tensor.
    pub fn put(&mut self, v: &View, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|x| encode_one(v.dtype, *x).to_le_bytes()[..v.dtype.size()].to_vec()).collect();
        self.m.write(v.tensor, &bytes).expect("right size");
    }

    /// The values of a whole tensor, as the view's type.
    pub fn get(&self, v: &View) -> Vec<f32> {
        self.m.read(v.tensor).chunks(v.dtype.size()).map(|b| decode_one(v.dtype, b)).collect()
    }

    pub fn try_run(&mut self, op: Op) -> Result<InstrId, Fault> {
        self.try_on(0, op)
    }

    pub fn try_on(&mut self, core: u16, op: Op) -> Result<InstrId, Fault> {
        self.line += 1;
        self.m.exec(core, op, SourceLine { file: 0, line: self.line })
    }

    pub fn run(&mut self, op: Op) -> InstrId {
        self.try_run(op).unwrap_or_else(|f| panic!("{f}"))
    }
}

/// Numbers between -2 and 2 that fill mantissas, the same in every run.
pub fn noise(n: usize, seed: u64) -> Vec<f32> {
    let mut stream = secondsource_base::Stream::new(seed, "test data");
    (0..n).map(|_| (stream.uniform() * 4.0 - 2.0) as f32).collect()
}

/// Values as they stand in a type.
pub fn rounded(dtype: Dtype, values: &[f32]) -> Vec<f32> {
    values.iter().map(|v| decode_one(dtype, &encode_one(dtype, *v).to_le_bytes())).collect()
}

/// Rows `rows.0..rows.1` and columns `columns.0..columns.1` of a `[_, row]` tile.
pub fn part(v: &View, row: u32, rows: (u32, u32), columns: (u32, u32)) -> View {
    let offset = i64::from(rows.0) * i64::from(row) + i64::from(columns.0);
    View::new(v.tensor, v.dtype, offset, &[(i64::from(row), rows.1 - rows.0), (1, columns.1 - columns.0)]).expect("two dimensions")
}
