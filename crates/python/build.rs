//! On macOS a module that Python loads must say that its symbols come later.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
