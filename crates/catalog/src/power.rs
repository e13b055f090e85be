//! Power, electricity and buildings: the tables under `catalog/power/`.

use crate::catalog::Catalog;
use crate::types::{FigureSet, Figures, Table};

impl Catalog {
    /// Published all-in kW per chip (server, network and cooling included), by chip id or alias.
    pub fn all_in_kw(&self, chip: &str) -> Option<&FigureSet> {
        self.all_in().get(self.resolve_alias(chip)?)
    }

    /// All published all-in kW figures, by chip id.
    pub fn all_in(&self) -> &Figures {
        self.figures_of("all-in-kw")
    }

    /// Board power by activity, and energy per bit of memory traffic.
    pub fn activity(&self) -> &Figures {
        self.figures_of("activity")
    }

    /// Power usage effectiveness by operator.
    pub fn pue(&self) -> &Figures {
        self.figures_of("pue")
    }

    /// Electricity price tables, cents per kWh by region, in id order.
    pub fn electricity(&self) -> impl Iterator<Item = &Table> {
        self.tables().filter(|t| t.id.starts_with("electricity-"))
    }

    /// Location-based emission tables, kg CO2e per MWh by grid or country, in id order.
    pub fn grid_carbon(&self) -> impl Iterator<Item = &Table> {
        self.tables().filter(|t| t.id.starts_with("grid-carbon-"))
    }

    fn figures_of(&self, table: &str) -> &Figures {
        static NONE: Figures = Figures::new();
        self.table(table).map_or(&NONE, |t| &t.figures)
    }
}
