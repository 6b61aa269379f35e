//! Tells the kernels whether the core has the DSP instructions, which no
//! stable `cfg` does.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(mamlet_dsp)");
    println!("cargo::rerun-if-env-changed=CARGO_CFG_TARGET_FEATURE");
    let of = |name| std::env::var(name).unwrap_or_default();
    let armv7em = of("TARGET").starts_with("thumbv7em");
    let enabled = of("CARGO_CFG_TARGET_FEATURE")
        .split(',')
        .any(|feature| feature == "dsp");
    if of("CARGO_CFG_TARGET_ARCH") == "arm" && (armv7em || enabled) {
        println!("cargo::rustc-cfg=mamlet_dsp");
    }
}
