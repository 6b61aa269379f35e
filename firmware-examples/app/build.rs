//! Hands the linker the (empty) list of interrupt handlers that `cortex-m-rt`
//! asks for, lists the artifacts of the conformance suite, includes the artifact that
//! `MAMLET_ARTIFACT` names with the memory that teaching it takes, and turns episodes
//! from CSV into static variables.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use mamlet_runtime::{Artifact, Model, Rollback, Setup, Teacher};

/// Examples of each class that a board has room for.
const OF_CLASS: usize = 3;
/// Most layers of an artifact.
const LAYERS: usize = 32;

fn main() -> Result<(), Box<dyn Error>> {
    // A board's own list of handlers must not be hidden by ours.
    if env::var_os("CARGO_FEATURE_QEMU").is_some() {
        println!("cargo:rerun-if-changed=device.x");
        println!("cargo:rustc-link-search={}", env!("CARGO_MANIFEST_DIR"));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let source = [
        conformance(&root.join("artifacts/conformance"))?,
        chosen(&root.join("artifacts/waveforms-head.mamlet"))?,
        episode("SUPPORT", &root.join("data/waveforms_support.csv"))?,
        episode("QUERY", &root.join("data/waveforms_query.csv"))?,
    ];
    let generated = Path::new(&env::var("OUT_DIR")?).join("generated.rs");
    fs::write(generated, source.concat())?;
    Ok(())
}

/// The artifact that the environment names, or another, and what a board needs to be
/// taught with it.
fn chosen(default: &Path) -> Result<String, Box<dyn Error>> {
    const NAMED: &str = "MAMLET_ARTIFACT";
    println!("cargo:rerun-if-env-changed={NAMED}");
    let path = env::var_os(NAMED).map_or_else(|| default.to_owned(), PathBuf::from);
    println!("cargo:rerun-if-changed={}", path.display());
    let fault = |why: String| format!("{NAMED}={}: {why}", path.display());
    let bytes = fs::read(&path).map_err(|error| {
        fault(format!(
            "{error}; the path is absolute, or starts at {}",
            env!("CARGO_MANIFEST_DIR")
        ))
    })?;
    let Needs {
        microseconds,
        examples,
        numbers,
    } = match needs(&bytes) {
        Ok(needs) => needs,
        // Boards are taught, programs for QEMU do with it what they do.
        Err(_) if env::var_os("CARGO_FEATURE_QEMU").is_some() => Needs::default(),
        Err(why) => return Err(fault(why).into()),
    };
    let path = fs::canonicalize(&path)?;
    Ok(format!(
        "/// The artifact that the environment variable `{NAMED}` named, or\n\
         /// [`HEAD`], and what it takes to be taught with it.\n\
         pub mod chosen {{\n\
             /// Its bytes.\n\
             pub static ARTIFACT: &[u8] = mamlet_runtime::include_aligned!({path:?});\n\
             /// From one sample of the sensor to the next.\n\
             pub const MICROSECONDS: u64 = {microseconds};\n\
             /// Room for so many examples of all classes together.\n\
             pub const EXAMPLES: usize = {examples};\n\
             /// Numbers of memory for them.\n\
             pub const NUMBERS: usize = {numbers};\n\
         }}\n"
    ))
}

/// What teaching an artifact takes.
#[derive(Default)]
struct Needs {
    microseconds: u64,
    examples: usize,
    numbers: usize,
}

fn needs(bytes: &[u8]) -> Result<Needs, String> {
    let words = bytes.as_chunks().0.iter().copied().map(u32::from_ne_bytes);
    let words: Vec<u32> = words.collect();
    let artifact = Artifact::parse(bytemuck::cast_slice(&words)).map_err(|e| e.to_string())?;
    let model = Model::<LAYERS>::new(&artifact).map_err(|e| e.to_string())?;
    let examples = OF_CLASS * model.classes();
    let setup = Setup::new(examples).rollback(Rollback::ToCommitted);
    let numbers = Teacher::memory(&model, setup).len();
    let mut memory = vec![0.0; numbers];
    // Says what it lacks, such as a front end.
    let teacher = Teacher::new(&model, examples, &mut memory).map_err(|e| e.to_string())?;
    let millihertz = u64::from(teacher.front_end().description().millihertz);
    Ok(Needs {
        microseconds: (1_000_000_000 + millihertz / 2) / millihertz,
        examples,
        numbers,
    })
}

/// A list of all artifacts in a folder.
fn conformance(folder: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "mamlet")
        {
            let name = path.file_stem().and_then(|name| name.to_str());
            names.push(name.ok_or("a name that is no text")?.to_owned());
        }
    }
    names.sort();
    let mut source =
        String::from("/// Name and bytes of every artifact of the conformance suite.\n");
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
    source.push_str("];\n");
    Ok(source)
}

/// A list of the recordings in a file and their classes. The last column is the
/// class.
fn episode(name: &str, path: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(path)?;
    let mut rows = Vec::new();
    let mut length = 0;
    for line in text.lines().skip(1) {
        let (recording, class) = line.rsplit_once(',').ok_or("a row without a class")?;
        let numbers: Vec<f32> = recording
            .split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        length = numbers.len();
        rows.push(format!("    ({numbers:?}, {}),\n", class.parse::<usize>()?));
    }
    Ok(format!(
        "/// Recordings of `{}` and their classes.\n\
         pub static {name}: [([f32; {length}], usize); {}] = [\n{}];\n",
        path.file_name().unwrap_or_default().to_string_lossy(),
        rows.len(),
        rows.concat()
    ))
}
