//! Links the binary without std against musl's static libc (Debian's `musl-dev`) of the target's architecture. With the
//! feature `std` it does nothing: the binary then uses the toolchain's own start-up code.
use std::{env, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=discard.ld");
    println!("cargo:rerun-if-env-changed=MUSL_LIB_DIR");
    if env::var_os("CARGO_FEATURE_STD").is_some() {
        return;
    }
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let dir = env::var("MUSL_LIB_DIR").unwrap_or_else(|_| format!("/usr/lib/{arch}-linux-musl"));
    if !Path::new(&dir).join("libc.a").exists() {
        println!(
            "cargo:warning={dir}/libc.a not found: install musl-dev, set MUSL_LIB_DIR, or build with --features std"
        );
    }
    let start = ["crt1.o", "crti.o"].map(|file| format!("{dir}/{file}"));
    let libc = ["-Wl,--start-group".into(), format!("{dir}/libc.a"), "-Wl,--end-group".into(), format!("{dir}/crtn.o")];
    let flags = ["-nostartfiles", "-nostdlib", "-static", "-no-pie"].map(String::from);
    // No build id and no read-only relocations: each costs a page in the file, and nothing is relocated at run time.
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let small = ["-Wl,--build-id=none", "-Wl,-z,norelro", "-Wl,--no-eh-frame-hdr"].map(String::from);
    let small = small.into_iter().chain([format!("-Wl,-T,{root}/discard.ld")]);
    for argument in flags.into_iter().chain(start).chain(libc).chain(small) {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
