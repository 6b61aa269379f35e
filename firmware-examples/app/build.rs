//! Hands the linker the (empty) list of interrupt handlers that `cortex-m-rt`
//! asks for, and lists the artifacts of the conformance suite.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=device.x");
    println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../artifacts/conformance");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "mamlet") {
            let name = path.file_stem().and_then(|name| name.to_str());
            names.push(name.ok_or("a name that is no text")?.to_owned());
        }
    }
    names.sort();
    let mut source = String::new();
    writeln!(
        source,
        "/// Name and bytes of every artifact of the conformance suite."
    )?;
    writeln!(
        source,
        "pub static CONFORMANCE: [(&str, &[u8]); {}] = [",
        names.len()
    )?;
    for name in names {
        let path = format!("artifacts/conformance/{name}.mamlet");
        writeln!(
            source,
            "    ({name:?}, mamlet_runtime::include_aligned!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \
             \"/../{path}\"))),"
        )?;
    }
    writeln!(source, "];")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("conformance.rs"), source)?;
    Ok(())
}
