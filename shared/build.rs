//! Writes the embedded catalogue as JSON: a function reads it at every cold start, and has a fast reader of JSON already.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let source = "src/catalog/models.toml";
    println!("cargo::rerun-if-changed={source}");
    let catalog: serde_json::Value = toml::from_str(&fs::read_to_string(source)?)?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&out).join("models.json"), catalog.to_string())?;
    Ok(())
}
